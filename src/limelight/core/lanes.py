# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""Sixteen float32 numbers as one value in compiled code: one spot per lane.

A fit of one spot is a chain of short sums that no compiler vectorizes well. Sixteen spots
that go through the same chain side by side vectorize perfectly. This module teaches numba two
types, :data:`lanes` (``<16 x float>`` of LLVM) and :data:`mask` (``<16 x i1>``), so that a kernel
is written like scalar code and runs on sixteen spots at a time::

    from limelight.core import lanes as L

    @njit(nogil=True, cache=True)
    def model(table, x):                # table: float32 (rows, 16), C order
        mu = L.load(table, 0) * L.exp(-0.5 * x * x) + L.load(table, 1)
        L.store(table, 2, L.where(mu > 0.0, mu, L.splat(0.0)))

LLVM maps a value to one AVX-512 register, two AVX, four SSE or NEON registers; nothing depends
on the auto-vectorizer. Every operation works lane by lane, so what is in one lane (a NaN, say)
never reaches another, and a spot's result does not depend on the lane that it was given.

Multiply and add may be fused (the flag ``contract``); nothing else of IEEE arithmetic is given
up, NaN and infinity keep their meaning.

Importing this module imports numba: do it inside functions, or in modules that are themselves
imported on first use.
"""

import operator

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

WIDTH = 16
"""Number of lanes."""

_FLAGS = ("contract",)
_f32 = ir.FloatType()
_i32 = ir.IntType(32)
_vector_f32 = ir.VectorType(_f32, WIDTH)
_vector_i32 = ir.VectorType(_i32, WIDTH)
_vector_i1 = ir.VectorType(ir.IntType(1), WIDTH)


class Lanes(types.Type):  # type: ignore[misc]
    """Numba type of sixteen float32."""

    def __init__(self):
        super().__init__(name="Lanes")


class Mask(types.Type):  # type: ignore[misc]
    """Numba type of sixteen booleans."""

    def __init__(self):
        super().__init__(name="Mask")


lanes = Lanes()
mask = Mask()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _vector_f32)


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, _vector_i1)


# --- building blocks in LLVM -------------------------------------------------------------------


def _constant(value):
    return ir.Constant(_vector_f32, [float(value)] * WIDTH)


def _constant_i32(value):
    return ir.Constant(_vector_i32, [int(value)] * WIDTH)


def _broadcast(builder, scalar):
    undefined = ir.Constant(_vector_f32, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_i32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_vector_i32, [0] * WIDTH))


def _as_vector(context, builder, numba_type, value):
    """Return `value` as a vector; numbers are rounded to float32 and broadcast."""
    if isinstance(numba_type, Lanes):
        return value
    return _broadcast(builder, context.cast(builder, value, numba_type, types.float32))


def _row_pointer(context, builder, array_type, array, row_type, row):
    if not (
        isinstance(array_type, types.Array)
        and array_type.dtype == types.float32
        and array_type.ndim == 2
        and array_type.layout == "C"
    ):
        raise TypeError(f"need a C-ordered float32 array of shape (rows, 16), not {array_type}")
    struct = context.make_array(array_type)(context, builder, array)
    index = context.cast(builder, row, row_type, types.intp)
    offset = builder.mul(index, ir.Constant(index.type, WIDTH), flags=("nsw",))
    return builder.gep(struct.data, [offset], inbounds=True)


def _intrinsic_function(builder, name, result, arguments):
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(result, arguments), name
    )
    return function


def _unary_llvm(name):
    full_name = f"llvm.{name}.v{WIDTH}f32"

    def codegen(context, builder, sig, args):
        function = _intrinsic_function(builder, full_name, _vector_f32, [_vector_f32])
        return builder.call(function, [args[0]])

    return codegen


# --- operators ---------------------------------------------------------------------------------


def _register_binary(operators, emit, result):
    """Register `emit(builder, a, b)` as a binary operator of lanes and numbers."""

    class _Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args, kws):
            if len(args) != 2 or kws or not any(isinstance(a, Lanes) for a in args):
                return None
            if all(isinstance(a, Lanes | types.Float | types.Integer) for a in args):
                return signature(result, *args)
            return None

    def codegen(context, builder, sig, args):
        a = _as_vector(context, builder, sig.args[0], args[0])
        b = _as_vector(context, builder, sig.args[1], args[1])
        return emit(builder, a, b)

    pairs = [(Lanes, Lanes)]
    for number in (types.Float, types.Integer):
        pairs += [(Lanes, number), (number, Lanes)]
    for op in operators:
        infer_global(op)(type(f"_Template_{op.__name__}", (_Template,), {}))
        for pair in pairs:
            lower_builtin(op, *pair)(codegen)


_register_binary((operator.add, operator.iadd), lambda b, x, y: b.fadd(x, y, flags=_FLAGS), lanes)
_register_binary((operator.sub, operator.isub), lambda b, x, y: b.fsub(x, y, flags=_FLAGS), lanes)
_register_binary((operator.mul, operator.imul), lambda b, x, y: b.fmul(x, y, flags=_FLAGS), lanes)
_register_binary(
    (operator.truediv, operator.itruediv), lambda b, x, y: b.fdiv(x, y, flags=_FLAGS), lanes
)
for _operator, _symbol in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
):
    # ordered comparisons: false when either side is NaN
    _register_binary(
        (_operator,), lambda b, x, y, symbol=_symbol: b.fcmp_ordered(symbol, x, y), mask
    )


def _register_mask_binary(op, emit):
    class _Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, args, kws):
            if len(args) == 2 and all(isinstance(a, Mask) for a in args):
                return signature(mask, *args)
            return None

    infer_global(op)(type(f"_Template_{op.__name__}", (_Template,), {}))
    lower_builtin(op, Mask, Mask)(lambda context, builder, sig, args: emit(builder, *args))


_register_mask_binary(operator.and_, lambda b, x, y: b.and_(x, y))
_register_mask_binary(operator.or_, lambda b, x, y: b.or_(x, y))


@infer_global(operator.invert)
class _InvertTemplate(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args, kws):
        return signature(mask, *args) if isinstance(args[0], Mask) else None


@infer_global(operator.neg)
class _NegTemplate(AbstractTemplate):  # type: ignore[misc]
    def generic(self, args, kws):
        return signature(lanes, *args) if isinstance(args[0], Lanes) else None


@lower_builtin(operator.invert, Mask)
def _lower_invert(context, builder, sig, args):
    return builder.not_(args[0])


@lower_builtin(operator.neg, Lanes)
def _lower_neg(context, builder, sig, args):
    return builder.fneg(args[0])


# --- memory ------------------------------------------------------------------------------------


@intrinsic
def load(typingctx, table, row):
    """Sixteen numbers of row `row` of `table`, float32 (rows, 16) in C order; not checked."""

    def codegen(context, builder, sig, args):
        pointer = _row_pointer(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        pointer = builder.bitcast(pointer, _vector_f32.as_pointer())
        return builder.load(pointer, align=4)

    return lanes(table, row), codegen


@intrinsic
def store(typingctx, table, row, value):
    """Write `value` to row `row` of `table`, float32 (rows, 16) in C order; not checked."""

    def codegen(context, builder, sig, args):
        pointer = _row_pointer(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        pointer = builder.bitcast(pointer, _vector_f32.as_pointer())
        builder.store(_as_vector(context, builder, sig.args[2], args[2]), pointer, align=4)
        return context.get_dummy_value()

    return types.void(table, row, value), codegen


def _flat_pointer(context, builder, array_type, array, index_type, index):
    if not (
        isinstance(array_type, types.Array)
        and array_type.dtype == types.float32
        and array_type.ndim == 1
        and array_type.layout == "C"
    ):
        raise TypeError(f"need a contiguous float32 array, not {array_type}")
    struct = context.make_array(array_type)(context, builder, array)
    place = context.cast(builder, index, index_type, types.intp)
    pointer = builder.gep(struct.data, [place], inbounds=True)
    return builder.bitcast(pointer, _vector_f32.as_pointer())


@intrinsic
def load_from(typingctx, flat, index):
    """Sixteen neighbours of `flat`, a contiguous float32 array, from `index` on; not checked."""

    def codegen(context, builder, sig, args):
        pointer = _flat_pointer(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        return builder.load(pointer, align=4)

    return lanes(flat, index), codegen


@intrinsic
def store_to(typingctx, flat, index, value):
    """Write `value` to sixteen neighbours of a contiguous float32 array; not checked."""

    def codegen(context, builder, sig, args):
        pointer = _flat_pointer(context, builder, sig.args[0], args[0], sig.args[1], args[1])
        builder.store(_as_vector(context, builder, sig.args[2], args[2]), pointer, align=4)
        return context.get_dummy_value()

    return types.void(flat, index, value), codegen


@intrinsic
def total(typingctx, value):
    """Sum of the sixteen lanes, pairs first: always in the same order."""

    def codegen(context, builder, sig, args):
        vector = args[0]
        undefined = ir.Constant(_vector_f32, ir.Undefined)
        for half in (8, 4, 2, 1):
            order = [(k + half) % WIDTH for k in range(WIDTH)]
            other = builder.shuffle_vector(vector, undefined, ir.Constant(_vector_i32, order))
            vector = builder.fadd(vector, other)
        return builder.extract_element(vector, ir.Constant(_i32, 0))

    return types.float32(value), codegen


@intrinsic
def splat(typingctx, value):
    """One number in all lanes."""

    def codegen(context, builder, sig, args):
        return _as_vector(context, builder, sig.args[0], args[0])

    return lanes(value), codegen


# --- elementary functions ----------------------------------------------------------------------


@intrinsic
def where(typingctx, condition, yes, no):
    """Per lane, `yes` where the mask is set, else `no`; both may be numbers."""

    def codegen(context, builder, sig, args):
        a = _as_vector(context, builder, sig.args[1], args[1])
        b = _as_vector(context, builder, sig.args[2], args[2])
        return builder.select(args[0], a, b)

    return lanes(condition, yes, no), codegen


@intrinsic
def sqrt(typingctx, value):
    """Square root per lane."""
    return lanes(value), _unary_llvm("sqrt")


@intrinsic
def fabs(typingctx, value):
    """Absolute value per lane."""
    return lanes(value), _unary_llvm("fabs")


@intrinsic
def bits(typingctx, condition):
    """Mask as an integer: bit k is lane k."""

    def codegen(context, builder, sig, args):
        word = builder.bitcast(args[0], ir.IntType(WIDTH))
        return builder.zext(word, ir.IntType(64))

    return types.int64(condition), codegen


@intrinsic
def _round_split(typingctx, value):
    """Nearest integer as float, and 2 to that power (for integers in -126 ... 127)."""

    def codegen(context, builder, sig, args):
        # adding 1.5 * 2**23 leaves the nearest integer in the low bits of the mantissa
        magic = _constant(12582912.0)
        shifted = builder.fadd(args[0], magic)
        rounded = builder.fsub(shifted, magic)
        integer = builder.bitcast(shifted, _vector_i32)
        # the magic number's own low bits are zero: shift the integer into the exponent
        exponent = builder.shl(builder.add(integer, _constant_i32(127)), _constant_i32(23))
        power = builder.bitcast(exponent, _vector_f32)
        return context.make_tuple(builder, sig.return_type, (rounded, power))

    return types.UniTuple(lanes, 2)(value), codegen


@intrinsic
def _mantissa_exponent(typingctx, value):
    """Positive normal `value` as (m, e) with value = m * 2**e and sqrt(1/2) <= m < sqrt(2)."""

    def codegen(context, builder, sig, args):
        integer = builder.bitcast(args[0], _vector_i32)
        # subtracting the bits of sqrt(1/2) puts the cut of the exponent there
        offset = builder.sub(integer, _constant_i32(0x3F3504F3))
        exponent = builder.ashr(offset, _constant_i32(23))
        mantissa = builder.sub(integer, builder.shl(exponent, _constant_i32(23)))
        m = builder.bitcast(mantissa, _vector_f32)
        e = builder.sitofp(exponent, _vector_f32)
        return context.make_tuple(builder, sig.return_type, (m, e))

    return types.UniTuple(lanes, 2)(value), codegen


@njit(nogil=True, cache=True)
def exp(x):
    """Exponential per lane for x <= 0, relative error below 2e-7 (0 below about -87).

    Cody-Waite reduction to |r| <= ln(2)/2 and the polynomial of Cephes' ``expf``. NaN stays NaN.
    """
    # below -87 the power of two would leave the normal range; the result is set to zero there
    small = x < -87.0
    x = where(small, -87.0, x)
    n, power = _round_split(x * 1.44269504088896341)
    r = x - n * 0.693359375
    r = r + n * 2.12194440e-4
    p = r * 1.9875691500e-4 + 1.3981999507e-3
    p = p * r + 8.3334519073e-3
    p = p * r + 4.1665795894e-2
    p = p * r + 1.6666665459e-1
    p = p * r + 5.0000001201e-1
    return where(small, 0.0, (p * r * r + r + 1.0) * power)


@njit(nogil=True, cache=True)
def log(x):
    """Natural logarithm per lane for positive normal x, relative error below 3e-7.

    The polynomial of Cephes' ``logf`` on sqrt(1/2) ... sqrt(2). Anything else than a positive
    normal number gives no meaningful result.
    """
    m, e = _mantissa_exponent(x)
    f = m - 1.0
    z = f * f
    p = f * 7.0376836292e-2 - 1.1514610310e-1
    p = p * f + 1.1676998740e-1
    p = p * f - 1.2420140846e-1
    p = p * f + 1.4249322787e-1
    p = p * f - 1.6668057665e-1
    p = p * f + 2.0000714765e-1
    p = p * f - 2.4999993993e-1
    p = p * f + 3.3333331174e-1
    y = p * f * z - e * 2.12194440e-4 - 0.5 * z
    return f + y + e * 0.693359375


@njit(nogil=True, cache=True)
def erf_with_exp(z, gaussian):
    """Error function of z, given ``gaussian = exp(-z**2)``; absolute error below 5e-7.

    Abramowitz and Stegun (1964), equation 7.1.26. Fits need the Gaussian anyway (it is the
    derivative), so the error function costs one division more.
    """
    t = 1.0 / (fabs(z) * 0.3275911 + 1.0)
    p = t * 1.061405429 - 1.453152027
    p = p * t + 1.421413741
    p = p * t - 0.284496736
    p = p * t + 0.254829592
    magnitude = 1.0 - p * t * gaussian
    return where(z < 0.0, -magnitude, magnitude)


@njit(nogil=True, cache=True)
def arctan2(y, x):
    """Angle of the vector (x, y) per lane in radians, absolute error below 3e-7; 0 at (0, 0).

    The polynomial of Cephes' ``atanf`` on 0 ... tan(pi / 8) after two reductions.
    """
    a = fabs(x)
    b = fabs(y)
    swap = b > a
    large = where(swap, b, a)
    t = where(swap, a, b) / where(large > 0.0, large, 1.0)
    upper = t > 0.4142135623730951
    t = where(upper, (t - 1.0) / (t + 1.0), t)
    z = t * t
    p = z * 8.05374449538e-2 - 1.38776856032e-1
    p = p * z + 1.99777106478e-1
    p = p * z - 3.33329491539e-1
    angle = p * z * t + t + where(upper, 0.7853981633974483, 0.0)
    angle = where(swap, 1.5707963267948966 - angle, angle)
    angle = where(x < 0.0, 3.141592653589793 - angle, angle)
    return where(y < 0.0, -angle, angle)


@njit(nogil=True, cache=True)
def minimum(a, b):
    """Smaller of two per lane; `b` where `a` is NaN."""
    return where(a < b, a, b)


@njit(nogil=True, cache=True)
def maximum(a, b):
    """Larger of two per lane; `b` where `a` is NaN."""
    return where(a > b, a, b)


@njit(nogil=True, cache=True)
def clip(x, low, high):
    """`x` limited to low ... high per lane; NaN stays NaN."""
    return where(x < low, low, where(x > high, high, x))


# --- small linear systems ----------------------------------------------------------------------


@njit(nogil=True, cache=True)
def factorize(matrix, n):
    """Replace symmetric matrices, one per lane, by their LDL^T factors.

    Parameters
    ----------
    matrix : float32 array (n * n, 16)
        Row ``i * n + j`` holds element (i, j); only the lower triangle (j <= i) is read. On
        return the strict lower triangle is L and the diagonal is 1 / D.
    n : int
        Order of the matrices.

    Notes
    -----
    No pivoting: for positive definite matrices (Fisher information). A lane whose matrix is
    singular gets infinities or NaN, which the caller is to recognize in the result.
    """
    for j in range(n):
        d = load(matrix, j * n + j)
        for k in range(j):
            # the strict upper triangle is free: it keeps L * D
            d = d - load(matrix, j * n + k) * load(matrix, k * n + j)
        inverse = 1.0 / d
        store(matrix, j * n + j, inverse)
        for i in range(j + 1, n):
            s = load(matrix, i * n + j)
            for k in range(j):
                s = s - load(matrix, i * n + k) * load(matrix, k * n + j)
            store(matrix, j * n + i, s)
            store(matrix, i * n + j, s * inverse)


@njit(nogil=True, cache=True)
def solve(factors, n, vector):
    """Solve ``A x = vector`` in place, with `factors` of A from :func:`factorize`.

    Parameters
    ----------
    factors : float32 array (n * n, 16)
    n : int
    vector : float32 array (n, 16)
        Right-hand sides; on return the solutions.
    """
    for i in range(1, n):
        s = load(vector, i)
        for k in range(i):
            s = s - load(factors, i * n + k) * load(vector, k)
        store(vector, i, s)
    for i in range(n - 1, -1, -1):
        s = load(vector, i) * load(factors, i * n + i)
        for k in range(i + 1, n):
            s = s - load(factors, k * n + i) * load(vector, k)
        store(vector, i, s)


@njit(nogil=True, cache=True)
def inverse_diagonal(factors, n, diagonal, scratch):
    """Diagonal of the inverse of matrices factorized by :func:`factorize`.

    With the columns c of the inverse of L, element i is the sum over k of c_ki ** 2 / D_k.

    Parameters
    ----------
    factors : float32 array (n * n, 16)
    n : int
    diagonal : float32 array (n, 16)
        Filled.
    scratch : float32 array (n, 16)
        Overwritten.
    """
    for i in range(n):
        total = load(factors, i * n + i)
        for k in range(i + 1, n):
            s = -load(factors, k * n + i)
            for m in range(i + 1, k):
                s = s - load(factors, k * n + m) * load(scratch, m)
            store(scratch, k, s)
            total = total + s * s * load(factors, k * n + k)
        store(diagonal, i, total)


# --- spots in and out of lanes -----------------------------------------------------------------


@njit(nogil=True, cache=True)
def put_lane(spots, spot, table, lane):
    """Copy the pixels of one spot, row `spot` of (n, pixels), to column `lane` of `table`."""
    for p in range(spots.shape[1]):
        table[p, lane] = spots[spot, p]
