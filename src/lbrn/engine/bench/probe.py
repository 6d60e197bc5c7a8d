"""A process of its own that runs one network in one engine and tells how its memory grew; see `memory`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

RUNS = 3


def main(words: list[str]) -> None:
    """Print the growth as JSON.

    Args:
        words: Engine, file, arithmetic, side of the pictures, threads.
    """
    engine, path, arithmetic, side, threads = words[0], Path(words[1]), words[2], int(words[3]), int(words[4])
    load = _LOADERS[engine]()
    images = np.random.default_rng(0).standard_normal((1, 3, side, side), np.float32)
    before = _status("VmRSS")
    run, sizes = load(path, arithmetic, threads)
    for _ in range(RUNS):
        run(images)
    grown = {"rss_bytes": _status("VmRSS") - before, "peak_rss_bytes": _status("VmHWM") - before}
    print(json.dumps({**grown, **sizes()}))


Loader = Callable[[Path, str, int], tuple[Callable[[Any], Any], Callable[[], dict[str, int]]]]


def _lbrn() -> Loader:
    from lbrn import engine

    def load(path: Path, arithmetic: Any, threads: int) -> Any:
        program = engine.load(path, arithmetic=arithmetic, threads=threads)

        def sizes() -> dict[str, int]:
            used = program.bytes()
            return {"weights_bytes": used["weights"], "activation_bytes": used["activations"]}

        return program.run, sizes

    return load


def _torch() -> Loader:
    import torch

    from lbrn import modelfile

    def load(path: Path, arithmetic: str, threads: int) -> Any:
        torch.set_num_threads(threads)
        network = modelfile.load(path)[0]

        def run(images: Any) -> None:
            with torch.inference_mode():
                network(torch.from_numpy(images))

        return run, dict

    return load


def _onnxruntime() -> Loader:
    import onnxruntime

    def load(path: Path, arithmetic: str, threads: int) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return lambda images: session.run(None, {session.get_inputs()[0].name: images}), dict

    return load


_LOADERS: dict[str, Callable[[], Loader]] = {
    "lbrn": _lbrn,
    "torch-channels-last": _torch,
    "onnxruntime": _onnxruntime,
}


def _status(name: str) -> int:
    """A number of bytes from the system's account of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"the system does not tell {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
