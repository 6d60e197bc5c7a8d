"""Which generator draws the stand-in of which dataset, and under which identity. Each has a version of its own."""

from collections.abc import Callable
from pathlib import Path

from lbrn.datasets.catalog import task
from lbrn.errors import InputError

Progress = Callable[[int, int], None]


def identity(name: str) -> str:
    """Return what a dataset's stand-in is called, with the version of the code that draws it.

    Args:
        name: Dataset in the catalogue.

    Raises:
        InputError: The dataset is unknown, or nothing draws a stand-in for it.
    """
    if task(name) == "pose":
        from lbrn.datasets import standin

        return f"standin-{standin.GENERATOR_VERSION}"
    if task(name) == "saliency":
        from lbrn.datasets import objects

        return f"standin-objects-{objects.GENERATOR_VERSION}"
    if task(name) == "classification":
        from lbrn.datasets import digits

        return f"standin-digits-{digits.GENERATOR_VERSION}"
    raise InputError(f"there is no stand-in for {name}; set sources.{name} in params.yaml to the path of an archive")


def write(name: str, folder: Path, *, train: int, test: int, progress: Progress | None = None) -> list[Path]:
    """Draw a stand-in and write its archives in the official layout.

    Args:
        name: Dataset in the catalogue.
        folder: Where the archives go.
        train: Number of training samples.
        test: Number of test samples.
        progress: Called with the number of pictures drawn and of all pictures.

    Returns:
        The archives, in the order of the catalogue's parts.

    Raises:
        InputError: As `identity`, or the numbers are not possible.
    """
    if task(name) == "pose":
        from lbrn.datasets import standin

        return standin.write(name, folder, train=train, test=test, progress=progress)
    if task(name) == "saliency":
        from lbrn.datasets import objects

        return objects.write(name, folder, train=train, test=test, progress=progress)
    if task(name) == "classification":
        from lbrn.datasets import digits

        return digits.write(name, folder, train=train, test=test, progress=progress)
    raise InputError(f"there is no stand-in for {name}; set sources.{name} in params.yaml to the path of an archive")
