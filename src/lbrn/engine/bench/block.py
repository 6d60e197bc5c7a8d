"""The residual block: the local-binary one against the real-valued one, each in its best engine, and part by part."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import nn

from lbrn import engine
from lbrn.engine.bench import own, peers, tables
from lbrn.engine.bench.settings import Settings
from lbrn.engine.bench.tables import Row
from lbrn.engine.bench.timing import Call, Timing, fastest, interleave
from lbrn.models import registry

COLUMNS = (
    "channels", "height", "width", "kernel", "sparsity", "arithmetic", "threads", "dense_engine", "dense_ms",
    "ternary_path", "ternary_ms", "ratio", "dense_iqr_ms", "ternary_iqr_ms", "plain_ms", "plain_ratio",
    "public_engine", "public_ms", "public_ratio", "local_engine", "local_ms", "local_ratio", "reduce_ms", "conv3x3_ms",
    "expand_ms", "rest_ms", "free_engine", "free_ms", "ceiling", "paper",
)  # fmt: skip

PAPER = 3.25
"""What the paper's count of operations promises for a block (Eq. 6, 8 and 9)."""

CHAIN = 4
OWN = "lbrn"
SIDE, SPARSITIES, QUICK_SPARSITIES = 64, (0.1, 0.5, 0.9), (0.5,)

NOTES = (
    f"dense_ms: {CHAIN} real-valued blocks one behind the other in one call, divided by {CHAIN}, in the fastest of "
    f"{', '.join((*peers.PUBLIC, OWN))}, the last being this engine; public_ms: in the fastest of the others",
    "ternary_ms: the local-binary block in this engine, in its own layout, as within a network; "
    f"{CHAIN} runs in one call, divided by {CHAIN}. plain_ms: from and to ordinary NCHW arrays",
    "local_ms: the local-binary block in the fastest of the public engines, which multiply by its filter whatever its "
    "sparsity",
    "reduce_ms, conv3x3_ms, expand_ms: the kernels of the three convolutions by themselves; rest_ms: packing, and in "
    "fixed point rounding and widening",
    "free_ms: the block without its 3x3 convolution in its fastest engine; ceiling: dense_ms / free_ms, what ternary "
    f"filters for nothing would bring; paper: {PAPER}, the paper's ratio by counting",
)


def bench(settings: Settings, *, width: int = 256, side: int = SIDE, sparsities: Sequence[float] | None = None) -> None:
    """Write block.csv.

    Args:
        settings: How to measure.
        width: Channels in and out; half of them in the middle.
        side: Of the map.
        sparsities: Shares of non-zero weights.
    """
    sparsities = sparsities or (QUICK_SPARSITIES if settings.quick else SPARSITIES)
    rows: list[Row] = []
    notes: list[str] = []
    for threads in settings.threads:
        settings.say(f"block: {width} channels, {side}x{side}, threads {threads}")
        rows += _measure(width, side, sparsities, threads, settings.repeats, notes)
    tables.write(settings.out / "block.csv", COLUMNS, rows, [*NOTES, *settings.notes(), *tables.machine(), *notes])


class _Local:
    """A block in this engine: whole, and in parts."""

    def __init__(
        self, block: nn.Module, images: NDArray[np.float32], threads: int, arithmetic: Literal["float32", "fixed"]
    ) -> None:
        self.program = engine.compile(block, arithmetic=arithmetic, threads=threads)
        self.images = images
        self.table = own.program_table(self.program, images)

    @property
    def path(self) -> str:
        """How the ternary convolution is done."""
        return next((step.path for step in self.program.steps if step.ternary), "")

    def whole(self) -> Call:
        return own.runner(self.program, self.table, times=CHAIN)

    def plain(self) -> Call:
        return lambda: self.program.run(self.images)

    def parts(self) -> dict[str, Call]:
        """A call for each convolution, and one for what is between them."""
        convolutions = own.rows(self.table, ("dense", "ternary"))
        named = dict(zip(("reduce", "conv3x3", "expand"), convolutions, strict=True))
        rest = [number for number in range(len(self.table)) if number not in convolutions]
        numbers = {name: [number] for name, number in named.items()} | {"rest": rest}
        return {name: own.runner(self.program, self.table[which], times=CHAIN) for name, which in numbers.items()}


def _measure(
    width: int, side: int, sparsities: Sequence[float], threads: int, repeats: int, notes: list[str]
) -> list[Row]:
    images = np.random.default_rng(0).standard_normal((1, width, side, side), np.float32)
    peers.begin(threads)
    real = registry.block("shn", width=width).eval()
    free = registry.block("shn", width=width).eval()
    free.set_submodule("conv3x3.2", nn.Identity())
    calls: dict[str, Call] = {}
    for label, network in (("real", real), ("free", free)):
        calls |= _public(label, network, images, threads, notes)
        calls[f"{label}:{OWN}"] = _Local(network, images, threads, "float32").whole()
    calls |= _public("local", registry.block("lbrn-s", width=width).eval(), images, threads, notes)
    ours: dict[tuple[float, str], _Local] = {}
    for sparsity in sparsities:
        block = registry.block("lbrn-s", width=width, sparsity=sparsity).eval()
        arithmetics: tuple[Literal["float32", "fixed"], ...] = ("float32", "fixed")
        for arithmetic in arithmetics:
            key = f"{sparsity} {arithmetic}"
            local = ours[sparsity, arithmetic] = _Local(block, images, threads, arithmetic)
            calls |= {key: local.whole(), f"{key} plain": local.plain()}
            calls |= {f"{key} {part}": call for part, call in local.parts().items()}
    times = interleave(calls, repeats, pool=peers.pool if threads > 1 else None)
    common = {"channels": width, "height": side, "width": side, "kernel": 3, "threads": threads, "paper": PAPER}
    return [
        {
            **common,
            "sparsity": sparsity,
            "arithmetic": arithmetic,
            "ternary_path": local.path,
            **_compared(times, f"{sparsity} {arithmetic}"),
        }
        for (sparsity, arithmetic), local in ours.items()
    ]


def _public(
    label: str, block: nn.Module, images: NDArray[np.float32], threads: int, notes: list[str]
) -> dict[str, Call]:
    found = peers.prepare(nn.Sequential(*[block] * CHAIN), images, threads, f"the {label} block")
    notes += [note for note in found.notes if note not in notes]
    return {f"{label}:{name}": call for name, call in found.calls.items()}


def _best(times: dict[str, Timing], label: str, *, public: bool = False) -> tuple[str, Timing]:
    """Fastest engine of a block and its time; only public ones, or this engine as well."""
    group = {name.rpartition(":")[2]: time for name, time in times.items() if name.startswith(f"{label}:")}
    name = fastest({key: time for key, time in group.items() if key != OWN or not public})
    return name, Timing(group[name].ms / CHAIN, group[name].iqr_ms / CHAIN)


def _compared(times: dict[str, Timing], key: str) -> dict[str, Any]:
    (dense_engine, dense), (free_engine, free) = _best(times, "real"), _best(times, "free")
    public_engine, public = _best(times, "real", public=True)
    local_engine, local = _best(times, "local")
    ours, plain = times[key].ms / CHAIN, times[f"{key} plain"].ms
    return {
        "dense_engine": dense_engine,
        "dense_ms": dense.ms,
        "dense_iqr_ms": dense.iqr_ms,
        "ternary_ms": ours,
        "ternary_iqr_ms": times[key].iqr_ms / CHAIN,
        "ratio": dense.ms / ours,
        "plain_ms": plain,
        "plain_ratio": dense.ms / plain,
        "public_engine": public_engine,
        "public_ms": public.ms,
        "public_ratio": public.ms / ours,
        "local_engine": local_engine,
        "local_ms": local.ms,
        "local_ratio": local.ms / ours,
        "free_engine": free_engine,
        "free_ms": free.ms,
        "ceiling": dense.ms / free.ms,
        **{f"{part}_ms": times[f"{key} {part}"].ms / CHAIN for part in ("reduce", "conv3x3", "expand", "rest")},
    }
