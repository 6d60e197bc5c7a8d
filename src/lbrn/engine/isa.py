"""Which instructions Numba compiles for: the machine's own, or fewer where NUMBA_CPU_NAME restricts them."""

from llvmlite import binding
from numba.core import config


def name() -> str:
    """The vector instructions that kernels are compiled for: avx512, avx2, neon, or baseline."""
    known = _features()
    if {"avx512f", "avx512bw"} <= known:
        return "avx512"
    if "avx2" in known and "fma" in known:
        return "avx2"
    return "neon" if "neon" in known else "baseline"


def _features() -> set[str]:
    if config.CPU_FEATURES is not None:
        return {part[1:] for part in config.CPU_FEATURES.split(",") if part.startswith("+")}
    if config.CPU_NAME is not None:
        return _KNOWN_CPUS.get(config.CPU_NAME, set())
    return {feature for feature, present in binding.get_host_cpu_features().items() if present}


_KNOWN_CPUS = {
    "haswell": {"avx2", "fma"},
    "x86-64-v3": {"avx2", "fma"},
    "skylake-avx512": {"avx2", "fma", "avx512f", "avx512bw"},
    "x86-64-v4": {"avx2", "fma", "avx512f", "avx512bw"},
}
"""What a restricted processor has, of what matters here; any other name counts as the baseline."""
