"""Cut every person's patch in one pass over the images, which are never unpacked; an interrupted pass is continued."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lbrn.datasets.ahead import ahead
from lbrn.datasets.archive import Archive, Member, is_file_called
from lbrn.datasets.catalog import entry, limits
from lbrn.datasets.fetch import Progress
from lbrn.datasets.journal import Journal
from lbrn.datasets.lsp import lsp_crop
from lbrn.datasets.patches import Patch, cut
from lbrn.datasets.people import People
from lbrn.datasets.photos import decode
from lbrn.datasets.pixels import PatchWriter
from lbrn.errors import InputError

Cut = list[tuple[PatchWriter, int, Patch]]


def cut_all(
    spec: Mapping[str, Any], files: Mapping[str, Path], journal: Journal, progress: Progress | None, threads: int
) -> list[str]:
    """Cut the patches of all people of a journal's writers.

    Args:
        spec: A data spec.
        files: Paths of its parts.
        journal: Has the writers of all splits, and the images that are done.
        progress: Called with the number of images done and of all images.
        threads: So many photographs are decoded at once; the result does not depend on it.

    Returns:
        The annotated images that the archive lacks and may lack.

    Raises:
        InputError: The archive lacks others, holds one twice, or one cannot be decoded.
    """
    path, rows = files.get("images", files.get("archive", Path())), _rows(journal.writers)
    done, seen, names = journal.resume(), set[str](), set(rows)

    def wanted(name: str) -> bool:
        image = name.rpartition("/")[2]
        if not is_file_called(name, names):
            return False
        if image in seen:
            raise InputError(f"{path} holds {image} twice: check the archive")
        seen.add(image)
        return image not in done

    def work(member: Member) -> tuple[str, Cut]:
        image = member[0].rpartition("/")[2]
        photograph = decode(member[1], image)
        found: Cut = []
        for writer, row in rows[image]:
            people = writer.people
            _place(spec["name"], people, row, photograph.size)
            found.append((writer, row, cut(photograph, people.centre[row], float(people.scale[row]), spec["side"])))
        return image, found

    for image, patches in ahead(work, Archive(path, limits(spec["name"])).members(wanted), threads):
        for writer, row, patch in patches:
            writer.add(row, patch)
        journal.add(image)
        if progress:
            progress(len(journal.done), len(rows))
    return _absent(spec["name"], path, sorted(names - set(journal.done)), journal.writers)


def _rows(writers: Mapping[str, PatchWriter]) -> dict[str, list[tuple[PatchWriter, int]]]:
    """The people in each image."""
    rows: dict[str, list[tuple[PatchWriter, int]]] = {}
    for writer in writers.values():
        for row, image in enumerate(writer.people.image.tolist()):
            rows.setdefault(image, []).append((writer, row))
    return rows


def _place(name: str, people: People, row: int, size: tuple[int, int]) -> None:
    if name == "lsp":  # the only dataset whose crop depends on the photograph's size
        people.centre[row], people.scale[row] = lsp_crop(*size)


def _absent(name: str, path: Path, absent: list[str], writers: Mapping[str, PatchWriter]) -> list[str]:
    """Return absent images if the catalogue knows that so many training images have no file; else refuse."""
    tested = set(writers["test"].people.image.tolist()) if "test" in writers else set()
    if len(absent) <= entry(name)["absent_train_images"] and not tested & set(absent):
        return absent
    told = ", ".join(absent[:3]) + (" ..." if len(absent) > 3 else "")
    raise InputError(
        f"{path} lacks {len(absent)} annotated images ({told}): get it again, "
        "or name the images it does hold in a text file and give that as `subset` beside the path"
    )
