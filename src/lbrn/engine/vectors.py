"""Explicit vectors inside Numba functions: LLVM's vector loads, stores, additions and shuffles under plain names.

LLVM does not vectorise the ternary loops by itself (it cannot rule out that sums and tables overlap), and it need not:
here a Numba variable *is* a vector of 32 floats or 64 short integers. Vectors are longer than any register; LLVM cuts
them into what the processor has (AVX-512, AVX2, SSE, NEON), so the same kernels run everywhere.

Addresses are plain integers; every vector lies on a multiple of 64 bytes.
"""

import mmap
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

LANES = 64
"""Pixels that lie side by side in memory, everywhere in the engine: see `lbrn.engine.layout`."""

ALIGNMENT = 64
GRID = 8
_ELEMENTS = {"float": ir.FloatType(), "int16": ir.IntType(16), "int32": ir.IntType(32)}
INT64 = ir.IntType(64)


class Vector(types.Type):  # type: ignore[misc]
    """The Numba type of a vector: an element type and a number of lanes."""

    def __init__(self, element: str, lanes: int) -> None:
        self.element, self.lanes = element, lanes
        super().__init__(name=f"Vector({element} x {lanes})")

    @property
    def llvm(self) -> ir.VectorType:
        """The LLVM type."""
        return ir.VectorType(_ELEMENTS[self.element], self.lanes)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, vector.llvm)


FLOATS = Vector("float", LANES)
HALF = Vector("float", LANES // 2)  # what tables of float sums consist of: 128 bytes, as of SHORTS
SHORTS = Vector("int16", LANES)
INTS = Vector("int32", LANES)


def pointer(builder: ir.IRBuilder, address: Any, llvm: Any) -> Any:
    """Turn an integer address into an LLVM pointer to a type."""
    return builder.inttoptr(address, llvm.as_pointer())


def load_vector(builder: ir.IRBuilder, address: Any, llvm: Any) -> Any:
    """Emit an aligned vector load."""
    value = builder.load(pointer(builder, address, llvm))
    value.align = ALIGNMENT
    return value


def store_vector(builder: ir.IRBuilder, address: Any, value: Any) -> None:
    """Emit an aligned vector store."""
    builder.store(value, pointer(builder, address, value.type)).align = ALIGNMENT


def constant(value: int) -> ir.Constant:
    """A 64-bit integer constant."""
    return ir.Constant(INT64, value)


def broadcast(builder: ir.IRBuilder, address: Any, llvm: ir.VectorType) -> Any:
    """Emit the load of one float into all lanes."""
    value = builder.load(pointer(builder, address, ir.FloatType()))
    value.align = 4
    return splat(builder, value, llvm)


def splat(builder: ir.IRBuilder, value: Any, llvm: ir.VectorType) -> Any:
    """Emit the copy of a scalar into all lanes."""
    undefined = ir.Constant(llvm, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), llvm.count), [0] * llvm.count)
    return builder.shuffle_vector(first, undefined, zeros)


def relu(builder: ir.IRBuilder, value: Any) -> Any:
    """Emit ReLU of a vector; in this order of operands it is one instruction, and what is no number stays."""
    zero = ir.Constant(value.type, None)
    return builder.select(builder.fcmp_ordered("<", value, zero), zero, value)


@intrinsic
def load_floats(typing_context, first, second):  # type: ignore[no-untyped-def]
    """All 64 lanes of a float row, from the addresses of its two halves."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        halves = [load_vector(builder, address, HALF.llvm) for address in arguments]
        return builder.shuffle_vector(*halves, _lane_numbers(0, LANES))

    return FLOATS(types.intp, types.intp), emit


@intrinsic
def store_floats(typing_context, first, second, value):  # type: ignore[no-untyped-def]
    """Store all 64 lanes of a float row at the addresses of its two halves."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        value = arguments[2]
        for number, address in enumerate(arguments[:2]):
            lanes = _lane_numbers(number * LANES // 2, LANES // 2)
            store_vector(builder, address, builder.shuffle_vector(value, value, lanes))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, FLOATS), emit


@intrinsic
def store_half(typing_context, address, value, half):  # type: ignore[no-untyped-def]
    """Store the first (0) or the second half (1) of the lanes of a float row."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address, value, half = arguments
        parts = [builder.shuffle_vector(value, value, _lane_numbers(first, LANES // 2)) for first in (0, LANES // 2)]
        is_first = builder.icmp_signed("==", half, constant(0))
        store_vector(builder, address, builder.select(is_first, *parts))
        return context.get_dummy_value()

    return types.void(types.intp, FLOATS, types.intp), emit


def _lane_numbers(first: int, count: int) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(first, first + count)))


def _loader(vector: Vector) -> Callable[[int], Any]:
    @intrinsic
    def load(typing_context, address):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return load_vector(builder, arguments[0], vector.llvm)

        return vector(types.intp), emit

    return load  # type: ignore[no-any-return]


def _storer(vector: Vector) -> Callable[[int, Any], None]:
    @intrinsic
    def store(typing_context, address, value):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            store_vector(builder, *arguments)
            return context.get_dummy_value()

        return types.void(types.intp, vector), emit

    return store  # type: ignore[no-any-return]


def _binary(vector: Vector, operation: str) -> Callable[[Any, Any], Any]:
    @intrinsic
    def apply(typing_context, left, right):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return getattr(builder, operation)(*arguments)

        return vector(vector, vector), emit

    return apply  # type: ignore[no-any-return]


def _zero(vector: Vector) -> Callable[[], Any]:
    @intrinsic
    def zero(typing_context):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return ir.Constant(vector.llvm, None)

        return vector(), emit

    return zero  # type: ignore[no-any-return]


def _convert(source: Vector, target: Vector, operation: str) -> Callable[[Any], Any]:
    @intrinsic
    def convert(typing_context, value):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return getattr(builder, operation)(arguments[0], target.llvm)

        return target(source), emit

    return convert  # type: ignore[no-any-return]


load_shorts, store_shorts = _loader(SHORTS), _storer(SHORTS)
add_ints = _binary(INTS, "add")
zero_shorts, zero_ints = _zero(SHORTS), _zero(INTS)
add_floats, multiply_floats = _binary(FLOATS, "fadd"), _binary(FLOATS, "fmul")
widen = _convert(SHORTS, INTS, "sext")
to_floats = _convert(INTS, FLOATS, "sitofp")


@intrinsic
def all_lanes(typing_context, value):  # type: ignore[no-untyped-def]
    """Copy a float32 into all lanes."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return splat(builder, arguments[0], FLOATS.llvm)

    return FLOATS(types.float32), emit


@intrinsic
def maximum_floats(typing_context, left, right):  # type: ignore[no-untyped-def]
    """Lane by lane the larger one; not a number where either is none."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = ir.FunctionType(FLOATS.llvm, [FLOATS.llvm] * 2)
        maximum = cgutils.get_or_insert_function(builder.module, kind, f"llvm.maximum.v{LANES}f32")
        return builder.call(maximum, arguments)

    return FLOATS(FLOATS, FLOATS), emit


@intrinsic
def relu_floats(typing_context, value):  # type: ignore[no-untyped-def]
    """Zero where a lane is negative; what is no number stays."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return relu(builder, arguments[0])

    return FLOATS(FLOATS), emit


@intrinsic
def round_to_shorts(typing_context, value):  # type: ignore[no-untyped-def]
    """Round to the nearest integer, halves to even; the caller has bounded the values."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = ir.FunctionType(FLOATS.llvm, [FLOATS.llvm])
        rint = cgutils.get_or_insert_function(builder.module, kind, f"llvm.rint.v{LANES}f32")
        wide = builder.fptosi(builder.call(rint, arguments), INTS.llvm)
        return builder.trunc(wide, SHORTS.llvm)

    return SHORTS(FLOATS), emit


@intrinsic
def read(typing_context, address, index):  # type: ignore[no-untyped-def]
    """The int64 number at an index of an array."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address, index = arguments
        return builder.load(pointer(builder, builder.add(address, builder.shl(index, constant(3))), INT64))

    return types.int64(types.intp, types.intp), emit


@intrinsic
def read_float(typing_context, address, index):  # type: ignore[no-untyped-def]
    """The float32 number at an index of an array."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address, index = arguments
        return builder.load(pointer(builder, builder.add(address, builder.shl(index, constant(2))), ir.FloatType()))

    return types.float32(types.intp, types.intp), emit


@intrinsic
def write_float(typing_context, address, index, value):  # type: ignore[no-untyped-def]
    """Store a float32 at an index of an array."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address, index, value = arguments
        place = builder.add(address, builder.shl(index, constant(2)))
        builder.store(value, pointer(builder, place, ir.FloatType()))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.float32), emit


@intrinsic
def sigmoid_floats(typing_context, value):  # type: ignore[no-untyped-def]
    """1 / (1 + exp(-x)), lane by lane."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = ir.FunctionType(FLOATS.llvm, [FLOATS.llvm])
        exponential = cgutils.get_or_insert_function(builder.module, kind, f"llvm.exp.v{LANES}f32")
        one = splat(builder, ir.Constant(ir.FloatType(), 1.0), FLOATS.llvm)
        return builder.fdiv(one, builder.fadd(one, builder.call(exponential, [builder.fneg(arguments[0])])))

    return FLOATS(FLOATS), emit


@intrinsic
def sign_floats(typing_context, value):  # type: ignore[no-untyped-def]
    """+1 where x >= 0, else -1, lane by lane."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        one, minus = (splat(builder, ir.Constant(ir.FloatType(), number), FLOATS.llvm) for number in (1.0, -1.0))
        positive = builder.fcmp_ordered(">=", arguments[0], ir.Constant(FLOATS.llvm, None))
        return builder.select(positive, one, minus)

    return FLOATS(FLOATS), emit


@intrinsic
def magnitude_bits(typing_context, value):  # type: ignore[no-untyped-def]
    """The bits of |x| as integers: ordered like |x|, and a value that is no number is above infinity."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        bits = builder.bitcast(arguments[0], INTS.llvm)
        return builder.and_(bits, ir.Constant(INTS.llvm, [0x7FFFFFFF] * LANES))

    return INTS(FLOATS), emit


@intrinsic
def larger_ints(typing_context, left, right):  # type: ignore[no-untyped-def]
    """Lane by lane the larger one."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        left, right = arguments
        return builder.select(builder.icmp_signed(">", left, right), left, right)

    return INTS(INTS, INTS), emit


@intrinsic
def largest_as_float(typing_context, bits):  # type: ignore[no-untyped-def]
    """The largest of all lanes, read as the bits of a float32."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        kind = ir.FunctionType(ir.IntType(32), [INTS.llvm])
        reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.smax.v{LANES}i32")
        return builder.bitcast(builder.call(reduce, arguments), ir.FloatType())

    return types.float32(INTS), emit


@intrinsic
def add_atomically(typing_context, address, number):  # type: ignore[no-untyped-def]
    """Add to an int64 that several threads share; return what it was before."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address, number = arguments
        return builder.atomic_rmw("add", pointer(builder, address, INT64), number, "seq_cst")

    return types.int64(types.intp, types.int64), emit


@intrinsic
def read_atomically(typing_context, address):  # type: ignore[no-untyped-def]
    """Read an int64 that several threads share."""

    def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.load_atomic(pointer(builder, arguments[0], INT64), "seq_cst", 8)

    return types.int64(types.intp), emit


def _shifter(rows: int, columns: int) -> Callable[[Any], Any]:
    """Lane (y, x) of the grid takes the value of lane (y + rows, x + columns); zero from outside the grid."""
    sources = []
    for lane in range(LANES):
        y, x = lane // GRID + rows, lane % GRID + columns
        sources.append(y * GRID + x if 0 <= y < GRID and 0 <= x < GRID else LANES)
    mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), sources)

    @intrinsic
    def shift(typing_context, value):  # type: ignore[no-untyped-def]
        def emit(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return builder.shuffle_vector(arguments[0], ir.Constant(FLOATS.llvm, None), mask)

        return FLOATS(FLOATS), emit

    return shift  # type: ignore[no-any-return]


shift_up, shift_down, shift_left, shift_right = _shifter(-1, 0), _shifter(1, 0), _shifter(0, -1), _shifter(0, 1)


_HUGE_PAGE = 2 << 20
_LARGE = 512 << 10


def aligned(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array of zeros whose first element lies on a multiple of 64 bytes.

    Large ones ask for huge pages where the system has them: a convolution walks through megabytes at random, and every
    small page that the processor has to look up costs it several cycles.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw, alignment = _pages(size) if size >= _LARGE else (np.zeros(size + ALIGNMENT, np.uint8), ALIGNMENT)
    start = -raw.ctypes.data % alignment
    lying: NDArray[Any] = raw[start : start + size].view(dtype).reshape(shape)
    return lying


def _pages(size: int) -> tuple[NDArray[np.uint8], int]:
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(size + ALIGNMENT, np.uint8), ALIGNMENT
    pages = mmap.mmap(-1, (-(-size // _HUGE_PAGE) + 1) * _HUGE_PAGE)
    with suppress(OSError):  # a kernel without them
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.uint8), _HUGE_PAGE
