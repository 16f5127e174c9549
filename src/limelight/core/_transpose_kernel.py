# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators
# (numba has no type stubs, and what is compiled here has numba types, not Python ones)
"""Squares of 8 x 8 elements of two bytes, turned in registers."""

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

SIDE = 8
RUN = 32  # elements of two bytes in a line of the processor's cache

_VECTOR = ir.VectorType(ir.IntType(16), SIDE)
_ORDER = ir.VectorType(ir.IntType(32), SIDE)


@intrinsic
def turn_square(typing_context, source, start, step, target, end, gap):
    """Write the square at source[start], rows `step` apart, turned to target[end], rows `gap`."""

    def codegen(context, builder, signature, arguments):
        def places(k):
            data = context.make_array(signature.args[k])(context, builder, arguments[k]).data
            found = []
            for line in range(SIDE):
                offset = builder.mul(arguments[k + 2], ir.Constant(arguments[k + 2].type, line))
                place = builder.gep(data, [builder.add(arguments[k + 1], offset)])
                found.append(builder.bitcast(place, _VECTOR.as_pointer()))
            return found

        rows = []
        for place in places(0):
            rows.append(builder.load(place))
            rows[-1].align = 2
        # Every round interleaves row k with row k + 4; after three rounds, rows are columns.
        low = ir.Constant(_ORDER, [v for k in range(SIDE // 2) for v in (k, k + SIDE)])
        high = ir.Constant(_ORDER, [v for k in range(SIDE // 2, SIDE) for v in (k, k + SIDE)])
        for _ in range(3):
            rows = [
                builder.shuffle_vector(rows[k // 2], rows[k // 2 + 4], high if k % 2 else low)
                for k in range(SIDE)
            ]
        for row, place in zip(rows, places(3), strict=True):
            builder.store(row, place).align = 2
        return context.get_dummy_value()

    whole = types.intp
    return types.void(source, whole, whole, target, whole, whole), codegen


@njit(nogil=True, cache=True)
def turn_planes(source, target, count, rows, columns):
    """Write `count` planes (rows, columns) as (columns, rows), both flat, uint16."""
    whole_rows, whole_columns = rows - rows % SIDE, columns - columns % SIDE
    for plane in range(count):
        start = plane * rows * columns
        # A line of the target is filled before the next one is begun.
        for first in range(0, whole_rows, RUN):
            for column in range(0, whole_columns, SIDE):
                for row in range(first, min(first + RUN, whole_rows), SIDE):
                    turn_square(
                        source,
                        start + row * columns + column,
                        columns,
                        target,
                        start + column * rows + row,
                        rows,
                    )
        for row in range(rows):
            for column in range(whole_columns if row < whole_rows else 0, columns):
                target[start + column * rows + row] = source[start + row * columns + column]
