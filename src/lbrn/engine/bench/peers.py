"""Public dense engines that run a torch network: what the engine is measured against."""

import contextlib
import copy
import logging
import signal
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch._inductor.config
from numpy.typing import NDArray
from torch import Tensor, nn

from lbrn import onnxfile
from lbrn.engine.bench.timing import Call
from lbrn.models.blocks import Bottleneck
from lbrn.models.hourglass import Pictures

Images = NDArray[np.float32]

TORCH = ("torch", "torch-channels-last", "torch-compile")
PUBLIC = (*TORCH, "onnxruntime")

COMPILE_SECONDS = 60.0
"""`torch.compile` may take so long to warm up. It takes minutes for a whole network of the paper, and for one pyramid
block; so of networks only the bottlenecks at large maps are compiled, equal ones once."""

LARGE = 8
"""Large is a map of at least the picture's side divided by this: nearly all the time is spent there."""

TOLERANCE = 1e-3
"""A peer must compute what torch does, up to this share of the largest output..."""

MORE_ERROR = 2.0
"""... or, where the network itself makes more of rounding, with this many times torch's error at most."""

Runner = Callable[[], Any]


@dataclass
class Peers:
    """What runs a network.

    Attributes:
        calls: One run of the network, by the peer's name.
        notes: Which peers cannot run, and why; or how a peer had to be helped.
    """

    calls: dict[str, Call] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def begin(threads: int) -> None:
    """Begin a group of measurements: torch's threads, which are the whole process's, and nothing compiled.

    What was compiled for other groups would have to be looked through at every call.
    """
    torch.set_num_threads(threads)
    torch.compiler.reset()
    # Blocks share their code: each of their shapes is one more version of it.
    torch._dynamo.config.recompile_limit = torch._dynamo.config.accumulated_recompile_limit = 512
    # In this thread alone: nothing may go on compiling in the background while times are taken.
    torch._inductor.config.compile_threads = 1


def prepare(network: nn.Module, images: Images, threads: int, label: str, names: Sequence[str] = PUBLIC) -> Peers:
    """Let public engines take over a network; each runs it once and must compute what torch does.

    Args:
        network: In evaluation mode.
        images: What all run on.
        threads: Threads of every engine, as told to `begin`.
        label: What the network is called in notes.
        names: Which engines.
    """
    network = network.eval()
    with torch.inference_mode():
        wanted = _outputs(network(torch.from_numpy(images)))
    found = Peers()
    for name in names:
        try:
            runner = _MAKERS[name](network, images, threads)
            _check(runner(), wanted, lambda: _exact(network, images))
        except Exception as error:  # whatever ails somebody else's engine, it is told and the others go on
            reason = " ".join(str(error).split())[:200]
            found.notes.append(f"{name} cannot run {label} with {threads} threads: {type(error).__name__}: {reason}")
        else:
            found.calls[name] = runner
    if "onnxruntime" in found.calls and onnxfile.has_pooling(network):
        found.notes.append(f"onnxruntime runs {label} with fractional pooling as maximum and gather: ONNX has none")
    return found


def pool(name: str) -> str:
    """Which pool of threads a call uses, from its name: that of torch, of ONNX Runtime, or this engine's own.

    Args:
        name: Ends in the name of the engine, after a colon if it says more.
    """
    engine = name.rpartition(":")[2]
    return "torch" if engine in TORCH else engine if engine in PUBLIC else "own"


def channels_last(network: nn.Module) -> nn.Module:
    """A copy with its numbers laid out channels last."""
    return copy.deepcopy(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _plain(network: nn.Module, images: Images, threads: int) -> Runner:
    plain: nn.Module = copy.deepcopy(network).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for module in plain.modules():
        for name, child in module.named_children():
            if isinstance(child, Pictures):  # it would lay out the pictures channels last
                setattr(module, name, nn.Identity())
    return _runner(plain, torch.from_numpy(images))


def _channels_last(network: nn.Module, images: Images, threads: int) -> Runner:
    return _runner(channels_last(network), _laid_out(images))


def _compiled(network: nn.Module, images: Images, threads: int) -> Runner:
    copied = channels_last(network)
    if any(isinstance(module, Pictures) for module in copied.modules()):
        _compile_large_blocks(copied, images)
    else:
        copied.compile(dynamic=False, options={"freezing": True})
    run = _runner(copied, _laid_out(images), torch.no_grad)
    with _deadline(COMPILE_SECONDS), _quiet():
        run()
        run()
    return run


def _compile_large_blocks(network: nn.Module, images: Images) -> None:
    found: list[nn.Module] = []

    def note(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        if given[0].shape[-1] * LARGE >= images.shape[-1]:
            found.append(module)

    hooks = [module.register_forward_pre_hook(note) for module in network.modules() if isinstance(module, Bottleneck)]
    with torch.inference_mode():
        network(torch.from_numpy(images))
    for hook in hooks:
        hook.remove()
    if not found:
        raise NotImplementedError("it has no bottlenecks at large maps, and takes minutes to compile otherwise")
    for block in found:
        block.compile(dynamic=False)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the compiler's warnings and logs: what matters is raised, and noted by `prepare`."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _onnxruntime(network: nn.Module, images: Images, threads: int) -> Runner:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        onnxfile.export(network, images, path)
        return session_runner(path, images, threads)


def session_runner(path: Path, images: Images, threads: int) -> Runner:
    """A call that runs an ONNX file in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = {session.get_inputs()[0].name: images}
    return lambda: session.run(None, inputs)


_MAKERS: dict[str, Callable[[nn.Module, Images, int], Runner]] = {
    "torch": _plain,
    "torch-channels-last": _channels_last,
    "torch-compile": _compiled,
    "onnxruntime": _onnxruntime,
}


def _runner(network: nn.Module, inputs: Tensor, mode: Callable[[], Any] = torch.inference_mode) -> Runner:
    def run() -> Any:
        with mode():
            return network(inputs)

    return run


def _laid_out(images: Images) -> Tensor:
    return torch.from_numpy(images).contiguous(memory_format=torch.channels_last)


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after some seconds, where this thread can be interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise TimeoutError(f"not warm after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _outputs(result: Any) -> list[Images]:
    values = result if isinstance(result, list | tuple) else [result]
    return [np.array(value) for value in values]


def _exact(network: nn.Module, images: Images) -> list[Images]:
    """Outputs in double precision."""
    with torch.inference_mode():
        return _outputs(copy.deepcopy(network).double()(torch.from_numpy(images).double()))


def _check(result: Any, wanted: list[Images], exact: Callable[[], list[Images]]) -> None:
    found = _outputs(result)
    if _difference(found, wanted) <= TOLERANCE:
        return
    truth = exact()
    if not _difference(found, truth) <= MORE_ERROR * _difference(wanted, truth):
        raise ArithmeticError("it computes something else than torch")


def _difference(found: list[Images], wanted: list[Images]) -> float:
    """The largest, as a share of the largest output; not a number where one of them is none."""
    pairs = zip(found, wanted, strict=True)
    return float(max(np.abs(one - other).max() / np.abs(other).max() for one, other in pairs))
