# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""Sixteen neighbouring pixels of an image as one value in compiled code.

The type and its arithmetic are those of the fits; only the way in and out of memory differs:
here a value starts at any pixel of a row.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from limelight.core.lanes import WIDTH, lanes

_vector = ir.VectorType(ir.FloatType(), WIDTH)


def _pixel_pointer(context, builder, signature, args):
    array_type = signature.args[0]
    if not (
        isinstance(array_type, types.Array)
        and array_type.dtype == types.float32
        and array_type.ndim == 2
        and array_type.layout == "C"
    ):
        raise TypeError(f"need a C-ordered float32 image, not {array_type}")
    struct = context.make_array(array_type)(context, builder, args[0])
    row, column = (context.cast(builder, args[k], signature.args[k], types.intp) for k in (1, 2))
    width = builder.extract_value(struct.shape, 1)
    offset = builder.add(builder.mul(row, width), column)
    pointer = builder.gep(struct.data, [offset], inbounds=True)
    return builder.bitcast(pointer, _vector.as_pointer())


@intrinsic
def load_pixels(typingctx, image, row, column):
    """Pixels ``column`` to ``column + 15`` of a row of a C-ordered float32 image; not checked."""

    def codegen(context, builder, sig, args):
        return builder.load(_pixel_pointer(context, builder, sig, args), align=4)

    return lanes(image, row, column), codegen


@intrinsic
def store_pixels(typingctx, image, row, column, value):
    """Write pixels ``column`` to ``column + 15`` of a row; not checked."""
    if value != lanes:
        return None

    def codegen(context, builder, sig, args):
        builder.store(args[3], _pixel_pointer(context, builder, sig, args), align=4)
        return context.get_dummy_value()

    return types.void(image, row, column, value), codegen
