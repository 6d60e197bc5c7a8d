"""The ternary convolution adds and subtracts, and never multiplies: read off the code that runs.

Everything between the packed input and the sums is looked at: the loops, the tables, the lists, in both arithmetics.
What stands before and behind it, normalisation and the way into and out of fixed point, may multiply each activation.
"""

import re

import numpy as np
import pytest
from numba import njit, types

from lbrn.engine import operations, tables, ternary_kernel
from lbrn.engine.vectors import all_lanes, multiply_floats, store_floats

FLOATING = re.compile(r"\b(fmul|fdiv)\b|llvm\.(fma|fmuladd|exp|pow)\b")
# Vectors of 64-bit integers are places in memory, never activations.
VECTOR = re.compile(r"\b(mul|sdiv|udiv|shl)\b[a-z ]* <\d+ x i(8|16|32)>|llvm\.x86[\w.]*(pmadd|pmul|vpdp|dp|fma)")
ASSEMBLY = re.compile(
    r"\bv?(mul[ps][sdh]|pmul(?!lq|u?dq)\w*|pmadd\w*|fn?m(add|sub)\w*|pdp\w+|dp[ps][sd]|div[ps][sd])\b"
)


def multiplications(code, patterns):
    """Lines of LLVM or assembly code that multiply floats or vectors; integers of addresses may be."""
    return [line.strip() for line in code.splitlines() for pattern in patterns if pattern.search(line)]


def vectors_added(code, kind):
    return [line for line in code.splitlines() if re.search(rf"= {kind}\b[a-z ]* <\d+ x ", line)]


def _codes(dispatcher):
    """LLVM and assembly of everything that a compiled function consists of."""
    return list(zip(dispatcher.inspect_llvm().values(), dispatcher.inspect_asm().values(), strict=True))


@njit
def _all_tables(address, group, shorts):
    tables.float_singles(address, 128, address, 1)
    tables.float_pairs(address, 128, address, 1)
    tables.float_triples(address, 128, address, 1)
    tables.short_singles(address, 128, address, 1)
    tables.short_pairs(address, 128, address, 1)
    tables.short_triples(address, 128, address, 1)
    tables.run_floats(address, address, address, address, 1, group, 128)
    tables.run_shorts(address, address, address, address, 1, group, 128)


def _compiled():
    """The kernels, compiled here: code out of the cache has no LLVM to read."""
    flags = (types.intp, types.intp, types.intp, types.intp, types.boolean)
    lists = types.NamedUniTuple(types.intp, len(ternary_kernel.FlatLists._fields), ternary_kernel.FlatLists)
    shape = types.NamedUniTuple(types.intp, len(ternary_kernel.Geometry._fields), ternary_kernel.Geometry)
    signatures = {
        "build_tables": (types.void(*flags), ternary_kernel.build_tables),
        "add_lists": (types.void(types.intp, types.intp, types.intp, lists, types.boolean), ternary_kernel.add_lists),
        "convolve": (
            types.void(*[types.intp] * 4, shape, lists, types.intp, types.intp, types.boolean),
            ternary_kernel.convolve,
        ),
        "tables": (types.void(types.intp, types.intp, types.boolean), _all_tables),
    }
    return {name: njit(signature)(kernel.py_func) for name, (signature, kernel) in signatures.items()}


@pytest.fixture(scope="module")
def kernels():
    return _compiled()


@pytest.mark.parametrize("name", ["build_tables", "add_lists", "convolve", "tables"])
def test_no_multiplication(kernels, name):
    codes = _codes(kernels[name])
    assert codes
    for llvm, assembly in codes:
        assert multiplications(llvm, [FLOATING, VECTOR]) == []
        assert multiplications(assembly, [ASSEMBLY]) == []
        assert vectors_added(llvm, "fadd") and vectors_added(llvm, "add"), "it must add vectors of both kinds"


def test_all_that_tables_offers_is_read():
    made = {name for name, value in vars(tables).items() if type(value).__name__ == "_Intrinsic"}
    assert made == set(_all_tables.py_func.__code__.co_names) - {"tables"}
    assert made >= set(ternary_kernel.build_tables.py_func.__code__.co_names) - {"tables", "STEP"}


@njit
def _scaled(address, factor):
    value = all_lanes(np.float32(factor))
    store_floats(address, address + 128, multiply_floats(value, value))


@njit
def _dot(left, right):
    total = np.float32(0)
    for index in range(left.size):
        total += left[index] * right[index]
    return total


@njit(fastmath=True)
def _short_products(left, right, out):
    for index in range(left.size):
        out[index] = left[index] * right[index]


def test_multiplications_would_be_seen():
    _scaled.compile((types.intp, types.float64))
    _dot.compile((types.float32[::1], types.float32[::1]))
    _short_products.compile((types.int16[::1],) * 3)
    for kernel, pattern in ((_scaled, FLOATING), (_dot, FLOATING), (_short_products, VECTOR)):
        (llvm, assembly), *_ = _codes(kernel)
        assert multiplications(llvm, [pattern]), kernel
        assert multiplications(assembly, [ASSEMBLY]), kernel


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("  %x = fmul <16 x float> %a, %b", True),
        ("  %x = fmul fast float %a, %b", True),
        ("  %x = call <16 x float> @llvm.fma.v16f32(<16 x float> %a)", True),
        ("  %x = mul nsw <32 x i16> %a, %b", True),
        ("  %x = call <16 x i32> @llvm.x86.avx512.pmaddw.d.512(<32 x i16> %a)", True),
        ("  %x = call <16 x i32> @llvm.x86.avx512.vpdpbusd.512(<16 x i32> %a)", True),
        ("  %x = mul i64 %a, 128", False),
        ("  %x = mul nsw <64 x i64> %a, %b", False),
        ("  %x = fadd <16 x float> %a, %b", False),
        ("  %x = sub <64 x i16> zeroinitializer, %b", False),
    ],
)
def test_what_counts_as_multiplication(line, seen):
    assert bool(multiplications(line, [FLOATING, VECTOR])) == seen


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("\tvmulps\t%zmm0, %zmm1, %zmm2", True),
        ("\tvfmadd231ps\t(%rax), %zmm1, %zmm2", True),
        ("\tvpmullw\t%zmm0, %zmm1, %zmm2", True),
        ("\tvpmaddwd\t%zmm0, %zmm1, %zmm2", True),
        ("\tvpdpbusd\t%zmm0, %zmm1, %zmm2", True),
        ("\tmulps\t%xmm0, %xmm1", True),
        ("\timulq\t%rax, %rdx", False),
        ("\tvpmullq\t%zmm0, %zmm1, %zmm2", False),
        ("\tvpmuludq\t%zmm0, %zmm1, %zmm2", False),
        ("\tvaddps\t%zmm0, %zmm1, %zmm2", False),
        ("\tvpaddw\t%zmm0, %zmm1, %zmm2", False),
    ],
)
def test_what_counts_in_assembly(line, seen):
    assert bool(multiplications(line, [ASSEMBLY])) == seen


def test_these_are_the_functions_that_run():
    assert {"ternary_kernel", "convolve"} <= set(operations.ternary.py_func.__code__.co_names)
    assert {"build_tables", "add_lists"} <= set(ternary_kernel.convolve.py_func.__code__.co_names)
