"""`lbrn predict MODEL IMAGE...`: every photograph to a drawn picture and a JSON file beside it."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lbrn.errors import InputError, LbrnError
from lbrn.files import atomic_path, write_json
from lbrn.photographs import images
from lbrn.photographs.base import Box, Reader, Run, task
from lbrn.photographs.images import Pixels
from lbrn.photographs.model import Find, runner
from lbrn.photographs.model import preparation as about_pictures

log = logging.getLogger(__name__)


def predict_with(
    model: Path,
    photographs: Sequence[Path],
    out: Path,
    find: Find,
    *,
    engine: str = "torch",
    threads: int = 1,
    box: str | None = None,
) -> Iterator[Path]:
    """Read photographs with the network of a model file.

    Args:
        model: The model file of a run or an export.
        photographs: Files.
        out: Folder for what is found.
        find: Looks where the network was trained for how pictures are prepared, if the file does not say.
        engine: `torch` or `numba`.
        threads: Threads of the engine.
        box: `x,y,w,h`, see `parse_box`.

    Yields:
        The JSON file of each photograph that could be read.

    Raises:
        InputError: The file, the engine or the box cannot be used.
        LbrnError: At the end, if some photographs could not be read.
    """
    chosen = None if box is None else parse_box(box)
    spec, preparation = about_pictures(model, find)
    reader = task(spec, model).reader(spec, preparation)
    run = runner(model, engine, threads)
    yield from predict(reader, run, photographs, out, model=str(model), name=spec["task"], box=chosen)


def predict(
    reader: Reader, run: Run, photographs: Sequence[Path], out: Path, *, model: str, name: str, box: Box | None = None
) -> Iterator[Path]:
    """Read photographs one after another; what cannot be read is told, and the others go on.

    Args:
        reader: Of the model's task.
        run: Runs the network.
        photographs: Files.
        out: Folder for `NAME.<task>.png` and `NAME.<task>.json`, NAME being the photograph's without its suffix.
        model: Name of the model, for the JSON.
        name: Name of the task.
        box: The part of interest of every photograph, in its pixels as it is seen; the whole where not given.

    Yields:
        The JSON file of each photograph that could be read.

    Raises:
        InputError: Two photographs would be written to the same file; nothing was done.
        LbrnError: At the end, if some could not be read.
    """
    targets = _targets(photographs, out, name)
    problems = []
    for photograph, target in targets.items():
        try:
            pixels = images.read(photograph)
            chosen = _inside(box, pixels, photograph)
        except InputError as error:
            log.warning("%s", error)
            problems.append(photograph.name)
            continue
        reading = reader(pixels, chosen, run)
        with atomic_path(target.with_name(f"{target.name}.png")) as temporary:
            reading.picture.save(temporary)
        about: dict[str, Any] = {
            "image": str(photograph), "width": pixels.shape[1], "height": pixels.shape[0], "model": model, "task": name,
            "box": [chosen.x, chosen.y, chosen.width, chosen.height],
        }  # fmt: skip
        facts = target.with_name(f"{target.name}.json")
        write_json(facts, about | reading.facts)
        yield facts
    if problems:
        raise LbrnError(f"{len(problems)} of {len(targets)} photographs were not read: {', '.join(problems)}")


def parse_box(text: str) -> Box:
    """Read `x,y,w,h`.

    Raises:
        InputError: It is not four numbers, or a side is not positive.
    """
    try:
        box = Box(*(float(part) for part in text.split(",")))
    except (ValueError, TypeError) as error:
        raise InputError(f"--box {text!r} is not x,y,w,h; write for example --box 40,20,120,300") from error
    if not (0 < box.width < float("inf") and 0 < box.height < float("inf") and abs(box.x) + abs(box.y) < float("inf")):
        raise InputError(f"--box {text!r} is not possible: width and height must be above 0")
    return box


def _inside(box: Box | None, pixels: Pixels, photograph: Path) -> Box:
    height, width = pixels.shape[:2]
    if box is None:
        return Box(0, 0, width, height)
    if box.x >= width or box.y >= height or box.x + box.width <= 0 or box.y + box.height <= 0:
        raise InputError(f"{photograph} has {width} x {height} pixels: the box lies outside of it")
    return box


def _targets(photographs: Sequence[Path], out: Path, name: str) -> dict[Path, Path]:
    targets = {photograph: out / f"{photograph.stem}.{name}" for photograph in photographs}
    origins: dict[Path, Path] = {}
    for photograph, target in targets.items():
        if target in origins:
            raise InputError(
                f"{origins[target]} and {photograph} would both be written to {target}.json: rename one, or use "
                "two --out folders"
            )
        origins[target] = photograph
    return targets
