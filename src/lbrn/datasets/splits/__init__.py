"""Published splits: lists of (image, person), which are facts about the datasets."""

from importlib.resources import files

from lbrn.errors import InputError

PersonList = list[tuple[str, int]]


def published_validation() -> PersonList:
    """Return Tompson's 2,958 validation people of MPII as (image, 0-based rectangle), in the published order."""
    content = files("lbrn.datasets.splits").joinpath("mpii_valid.csv").read_text(encoding="utf-8")
    return parse_people_list(content, "mpii_valid.csv")


def parse_people_list(content: str, name: str) -> PersonList:
    """Read lines `image,person` after a header line of these words.

    Args:
        content: The text.
        name: What to call it in messages.

    Raises:
        InputError: A line has another form.
    """
    header, *lines = content.splitlines() or [""]
    if header != "image,person":
        raise InputError(f"{name} starts with {header!r}, must start with the line 'image,person'")
    people = []
    for number, line in enumerate(lines, start=2):
        image, _, person = line.partition(",")
        if not (image and person.isdecimal()):
            raise InputError(f"line {number} of {name} is {line!r}, must be an image name, a comma and a number")
        people.append((image, int(person)))
    return people
