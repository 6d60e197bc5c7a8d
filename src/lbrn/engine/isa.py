"""Which instructions Numba compiles for: the machine's own, or those of the processor that NUMBA_CPU_NAME names."""

from functools import lru_cache

from llvmlite import binding
from numba.core import config
from numba.core.registry import cpu_target

_PROBE = """
declare <16 x float> @llvm.fmuladd.v16f32(<16 x float>, <16 x float>, <16 x float>)
define <16 x float> @probe(<16 x float> %a, <16 x float> %b, <16 x float> %c) {
  %sum = call <16 x float> @llvm.fmuladd.v16f32(<16 x float> %a, <16 x float> %b, <16 x float> %c)
  ret <16 x float> %sum
}
"""


def restrict() -> None:
    """Make NUMBA_CPU_NAME alone mean that processor: Numba would add all that this machine has beside it.

    Without effect where another package has already used Numba's compiler; `name` says what holds.
    """
    if config.CPU_NAME is not None and config.CPU_FEATURES is None:
        config.CPU_FEATURES = ""


@lru_cache(maxsize=1)
def name() -> str:
    """The vector instructions that kernels are compiled for: avx512, avx2, neon, or baseline.

    Not what a processor is said to have, but what the compiler makes of a multiplication and addition.
    """
    triple, processor, features = cpu_target.target_context.codegen().magic_tuple()
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=processor, features=features)
    code = machine.emit_assembly(binding.parse_assembly(_PROBE))
    if "vfmadd" in code:
        return "avx512" if "zmm" in code else "avx2"
    return "neon" if "fmla" in code else "baseline"
