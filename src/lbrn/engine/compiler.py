"""The ways into the engine: from a torch network, and from a model file without torch."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lbrn.engine.program import Program
from lbrn.errors import InputError
from lbrn.graph import Graph

if TYPE_CHECKING:
    from torch import nn


def compile(
    network: "nn.Module",
    *,
    arithmetic: Literal["float32", "fixed"] = "float32",
    threads: int = 1,
    fallback: Literal["torch"] | None = None,
) -> Program:
    """Compile a torch network for inference.

    Args:
        network: Any network of layers that `lbrn.trace.trace` knows; it is taken as it is in evaluation, and later
            changes of its weights have no effect.
        arithmetic: `float32`: equal to torch but for rounding. `fixed`: ternary convolutions of 8-bit activations.
        threads: Threads of the kernels.
        fallback: `torch` leaves what the engine does not know to torch; `Program.fallbacks` lists it.

    Raises:
        InputError: A layer is not known, or a setting not possible.
    """
    from lbrn.trace import trace

    if fallback not in (None, "torch"):
        raise InputError(f"fallback is {fallback!r}; use 'torch' or None")
    graph = trace(network, allow_opaque=fallback == "torch")
    stored = network.state_dict()
    tensors = {
        name: stored[name].detach().cpu().float().numpy() for node in graph.nodes for name in node.tensors.values()
    }
    return Program(graph, tensors, arithmetic=arithmetic, threads=threads, modules=_modules(network, graph))


def _modules(network: "nn.Module", graph: Graph) -> Mapping[str, Any]:
    import torch

    def runner(path: str) -> Any:
        module = deepcopy(network.get_submodule(path)).eval()

        def run(*inputs: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode():
                result = module(*(torch.from_numpy(value) for value in inputs))
            if not isinstance(result, torch.Tensor):
                raise InputError(f"{path} returns a {type(result).__name__}; only a single tensor can go on from torch")
            array: NDArray[np.float32] = result.numpy()
            return array

        return run

    return {path: runner(path) for path in {node.attributes["module"] for node in graph.nodes if node.op == "torch"}}


def load(path: str | Path, *, arithmetic: Literal["float32", "fixed"] = "float32", threads: int = 1) -> Program:
    """Compile the network of a model file; torch is not loaded and need not be installed.

    Args:
        path: A file that `lbrn.modelfile.save` wrote.
        arithmetic: See `compile`.
        threads: See `compile`.

    Raises:
        InputError: The file is no model file, is damaged, or has no graph; or a setting is not possible.
        OSError: The file cannot be read.
    """
    from lbrn import modelformat

    tensors, content = modelformat.read(Path(path))
    modelformat.filters(content, path)  # refuses filters that come out otherwise than in the training
    return Program(modelformat.graph(content, path), tensors, arithmetic=arithmetic, threads=threads)
