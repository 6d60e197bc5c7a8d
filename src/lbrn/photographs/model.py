"""A model file as something that runs: by torch, or by the CPU engine."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lbrn import modelformat
from lbrn.errors import InputError
from lbrn.photographs import base
from lbrn.photographs.base import Arrays, Run

log = logging.getLogger(__name__)

Find = Callable[[dict[str, Any], Path], dict[str, Any]]
"""From a spec and the model file's path to what the task's `preparation` returns, or an InputError."""

ENGINES = ("torch", "numba")


def runner(path: Path, engine: str, threads: int) -> Run:
    """Load a trained network.

    Args:
        path: The model file of a run or an export.
        engine: Who runs it: `torch` or `numba`.
        threads: How many.

    Raises:
        InputError: The file cannot be used, or there is no such engine.
    """
    if engine not in ENGINES:
        raise InputError(f"engine {engine!r} is unknown; use {' or '.join(ENGINES)}")
    return _by_torch(path, threads) if engine == "torch" else _by_numba(path, threads)


def _by_torch(path: Path, threads: int) -> Run:
    import torch

    from lbrn import modelfile
    from lbrn.models.pooling import set_eval_draw

    torch.set_num_threads(threads)
    network, _ = modelfile.load(path)

    def run(images: NDArray[np.float32], draw: int) -> Arrays:
        set_eval_draw(network, draw)
        with torch.inference_mode():
            outputs = network(torch.from_numpy(images))
        return [output.numpy() for output in (outputs if isinstance(outputs, list | tuple) else [outputs])]

    return run


def _by_numba(path: Path, threads: int) -> Run:
    from lbrn.engine import Program

    tensors, content = modelformat.read(path)
    modelformat.filters(content, path)  # refuses filters that come out otherwise than in the training
    graph = modelformat.graph(content, path)
    programs: dict[int, Program] = {}

    def run(images: NDArray[np.float32], draw: int) -> Arrays:
        if draw not in programs:
            programs[draw] = Program(graph.with_draw(draw), tensors, threads=threads)
        outputs = programs[draw].run(images)
        return outputs if isinstance(outputs, list) else [outputs]

    return run


def preparation(path: Path, find: Find) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the spec in a model file, and how its pictures are prepared.

    Args:
        path: A model file.
        find: Looks where the network was trained, if the file does not say.

    Raises:
        InputError: The file cannot be used, or nothing says how its pictures are prepared.
    """
    _, content = modelformat.read(path)
    spec = content["spec"]
    base.task(spec, path)
    if "preparation" in content:
        return spec, content["preparation"]
    try:
        return spec, find(spec, path)
    except InputError as error:
        raise InputError(
            f"{path} does not say how its pictures are prepared, and its training data, which does, is not at hand "
            f"({error}); `lbrn export {path} --format seed`, typed where it was trained, makes a file that says it"
        ) from error


def carried(path: Path, find: Find) -> dict[str, Any] | None:
    """Return what an export of a model file should carry along; None, with a warning, where that is not at hand.

    Args:
        path: A model file.
        find: Looks where the network was trained.

    Raises:
        InputError: The file cannot be used.
    """
    _, content = modelformat.read(path)
    if "preparation" in content or content["spec"].get("task") not in base.MODULES:
        return None
    try:
        return find(content["spec"], path)
    except InputError as error:
        log.warning("the export will not do for `lbrn predict` with photographs elsewhere: %s", error)
        return None
