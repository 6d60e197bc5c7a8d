"""Processors with fewer instructions than this one: the same engine, compiled for them, gives the same results."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from lbrn.engine import TernaryConvolution, isa
from oracles.convolution import convolution

X86 = platform.machine() in ("x86_64", "AMD64")

SCRIPT = """
import sys
import numpy as np
from lbrn.engine import TernaryConvolution, isa, ternary_kernel

given, results = np.load(sys.argv[1]), {}
for path in ("direct", "shared", "dense"):
    for arithmetic in ("float32", "fixed"):
        convolve = TernaryConvolution(given["filters"], padding=1, path=path, arithmetic=arithmetic)
        results[f"{path}-{arithmetic}"] = convolve(given["images"])
assembly = "".join(ternary_kernel.build_tables.inspect_asm().values())
np.savez(sys.argv[2], name=isa.name(), zmm="%zmm" in assembly, ymm="%ymm" in assembly, **results)
"""


def _run(folder, images, filters, **environment):
    np.savez(folder / "given.npz", images=images, filters=filters)
    command = [sys.executable, "-c", SCRIPT, str(folder / "given.npz"), str(folder / "result.npz")]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_")}
    answer = subprocess.run(
        command,
        env=inherited | environment | {"NUMBA_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return np.load(folder / "result.npz")


@pytest.mark.slow
@pytest.mark.skipif(not X86, reason="needs an x86 processor")
@pytest.mark.parametrize(("processor", "name", "widest"), [("haswell", "avx2", "ymm"), ("x86-64", "baseline", "xmm")])
def test_fewer_instructions(processor, name, widest, tmp_path):
    if name == "avx2" and isa.name() not in ("avx2", "avx512"):
        pytest.skip("this processor has no AVX2")
    generator = np.random.default_rng(0)
    filters = generator.integers(-1, 2, (7, 11, 3, 3)).astype(np.int8)
    images = generator.standard_normal((2, 11, 16, 21)).astype(np.float32)
    result = _run(tmp_path, images, filters, NUMBA_CPU_NAME=processor)
    assert result["name"] == name
    assert [bool(result["zmm"]), bool(result["ymm"])] == [False, widest == "ymm"]
    expected = convolution(images, filters, padding=1)
    largest, weights = np.abs(images).max(), np.count_nonzero(filters, axis=(1, 2, 3))[None, :, None, None]
    for path in ("direct", "shared", "dense"):
        assert np.all(np.abs(result[f"{path}-float32"] - expected) <= 4 * 2.0**-23 * weights * largest)
        assert np.all(np.abs(result[f"{path}-fixed"] - expected) <= 0.501 * weights * largest / 127)
        here = TernaryConvolution(filters, padding=1, path=path, arithmetic="fixed")(images)
        np.testing.assert_allclose(result[f"{path}-fixed"], here, rtol=1e-5, atol=1e-5)


def test_the_name_is_one_of_ours():
    assert isa.name() in ("avx512", "avx2", "neon", "baseline")


@pytest.mark.skipif(not X86, reason="needs an x86 processor")
@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"NUMBA_CPU_NAME": "haswell"}, "avx2"),
        ({"NUMBA_CPU_NAME": "x86-64-v3"}, "avx2"),
        ({"NUMBA_CPU_NAME": "skylake-avx512"}, "avx512"),
        ({"NUMBA_CPU_NAME": "znver5"}, "avx512"),
        ({"NUMBA_CPU_NAME": "x86-64"}, "baseline"),
        ({"NUMBA_CPU_NAME": "generic"}, "baseline"),
        ({"NUMBA_CPU_NAME": "sandybridge"}, "baseline"),
        ({"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "+avx2,+fma"}, "avx2"),
    ],
)
def test_names_of_processors(environment, name):
    """What the compiler makes, not a list of names: so any processor that it knows is named rightly."""
    answer = subprocess.run(
        [sys.executable, "-c", "from lbrn.engine import isa; print(isa.name())"],
        env=dict(os.environ) | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.stdout.strip() == name, answer.stderr
