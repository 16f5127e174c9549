"""The kernels of density clustering: cells no wider than the radius allows.

Cells have a diagonal of one radius, so that all points of a cell are neighbours.  Only cells with
points are kept, in rows; neighbouring rows are walked with one pointer each.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["border_kernel", "cells_kernel", "core_kernel", "join_kernel"]


@njit(nogil=True, cache=True)
def cells_kernel(row, column, rows, columns):  # type: ignore[no-untyped-def]
    """Sort points by row and column of cells.

    Returns
    -------
    order : 1D array of int64 (N,)
        The points by row, column and index.
    cell_column, cell_start : 1D array of int64 (cells,), (cells + 1,)
        Column and first point of each cell that has points.
    row_start : 1D array of int64 (rows + 1,)
        First cell of each row.
    """
    n = len(row)
    # Two stable counting sorts: by column, then by row.
    fill = np.zeros(columns + 1, np.int64)
    for i in range(n):
        fill[column[i] + 1] += 1
    for c in range(columns):
        fill[c + 1] += fill[c]
    by_column = np.empty(n, np.int64)
    for i in range(n):
        by_column[fill[column[i]]] = i
        fill[column[i]] += 1
    fill = np.zeros(rows + 1, np.int64)
    for i in range(n):
        fill[row[i] + 1] += 1
    for r in range(rows):
        fill[r + 1] += fill[r]
    order = np.empty(n, np.int64)
    for k in range(n):
        i = by_column[k]
        order[fill[row[i]]] = i
        fill[row[i]] += 1
    cell_column, cell_start = np.empty(n, np.int64), np.empty(n + 1, np.int64)
    row_start = np.zeros(rows + 1, np.int64)
    cells = 0
    for k in range(n):
        i = order[k]
        if k == 0 or row[i] != row[order[k - 1]] or column[i] != column[order[k - 1]]:
            cell_column[cells], cell_start[cells] = column[i], k
            row_start[row[i] + 1] += 1
            cells += 1
    cell_start[cells] = n
    for r in range(rows):
        row_start[r + 1] += row_start[r]
    return order, cell_column[:cells].copy(), cell_start[: cells + 1].copy(), row_start


@njit(nogil=True, cache=True)
def _near(x, y, z, a, b, limit):  # type: ignore[no-untyped-def]
    dx, dy, dz = x[a] - x[b], y[a] - y[b], z[a] - z[b]
    return dx * dx + dy * dy + dz * dz <= limit


@njit(nogil=True, cache=True)
def core_kernel(  # type: ignore[no-untyped-def]
    x, y, z, cell_column, cell_start, row_start, height, around, limit, least, r0, r1, core
):
    """Mark the points of rows r0 to r1 - 1 that have enough neighbours, themselves included."""
    offsets = len(around)
    pointer = np.empty(offsets, np.int64)
    rows = len(row_start) - 1
    for row in range(r0, r1):
        for o in range(offsets):
            pointer[o] = _row_of(row, around[o], height, rows)
            if pointer[o] >= 0:
                pointer[o] = row_start[pointer[o]]
        for cell in range(row_start[row], row_start[row + 1]):
            a0, a1 = cell_start[cell], cell_start[cell + 1]
            if a1 - a0 >= least:
                core[a0:a1] = True
                continue
            for o in range(offsets):
                if pointer[o] >= 0:
                    end = row_start[_row_of(row, around[o], height, rows) + 1]
                    while pointer[o] < end and cell_column[pointer[o]] < cell_column[cell] - 2:
                        pointer[o] += 1
            for a in range(a0, a1):
                count = 0
                for o in range(offsets):
                    if pointer[o] < 0:
                        continue
                    end = row_start[_row_of(row, around[o], height, rows) + 1]
                    c = pointer[o]
                    while c < end and cell_column[c] <= cell_column[cell] + 2:
                        if c == cell:
                            count += a1 - a0
                        else:
                            for b in range(cell_start[c], cell_start[c + 1]):
                                count += _near(x, y, z, a, b, limit)
                        c += 1
                    if count >= least:
                        break
                core[a] = count >= least


@njit(nogil=True, cache=True)
def _row_of(row, offset, height, rows):  # type: ignore[no-untyped-def]
    """Return the row of cells at an offset (slab, line), -1 where there is none."""
    slab, line = row // height + offset[0], row % height + offset[1]
    if line < 0 or line >= height or slab < 0:
        return -1
    found = slab * height + line
    return found if found < rows else -1


@njit(nogil=True, cache=True)
def _root(parent, i):  # type: ignore[no-untyped-def]
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(nogil=True, cache=True)
def join_kernel(  # type: ignore[no-untyped-def]
    x, y, z, cell_column, cell_start, row_start, height, around, limit, core, order
):
    """Join cells whose core points are neighbours; label them by their first point in the table.

    Returns
    -------
    1D array of int64 (cells,)
        Label of each cell, -1 where it has no core point.
    """
    cells, rows = len(cell_column), len(row_start) - 1
    parent = np.arange(cells)
    first = np.empty(cells, np.int64)
    any_core = np.zeros(cells, np.bool_)
    for cell in range(cells):
        first[cell] = np.iinfo(np.int64).max
        for a in range(cell_start[cell], cell_start[cell + 1]):
            if core[a]:
                any_core[cell] = True
                first[cell] = min(first[cell], order[a])
    for row in range(rows):
        for o in range(len(around)):
            other = _row_of(row, around[o], height, rows)
            if other < 0 or other < row:
                continue  # each pair of cells once
            pointer, end = row_start[other], row_start[other + 1]
            for cell in range(row_start[row], row_start[row + 1]):
                while pointer < end and cell_column[pointer] < cell_column[cell] - 2:
                    pointer += 1
                if not any_core[cell]:
                    continue
                c = pointer
                while c < end and cell_column[c] <= cell_column[cell] + 2:
                    if any_core[c] and (other > row or c > cell):
                        p, q = _root(parent, cell), _root(parent, c)
                        if p != q and _touch(x, y, z, cell_start, cell, c, limit, core):
                            low, high = min(p, q), max(p, q)
                            parent[high] = low
                            first[low] = min(first[low], first[high])
                    c += 1
    # Clusters are numbered by their first core point in the table.
    label = np.full(cells, -1, np.int64)
    roots = 0
    for cell in range(cells):
        if any_core[cell] and _root(parent, cell) == cell:
            roots += 1
    members, keys = np.empty(roots, np.int64), np.empty(roots, np.int64)
    k = 0
    for cell in range(cells):
        if any_core[cell] and _root(parent, cell) == cell:
            members[k], keys[k] = cell, first[cell]
            k += 1
    for rank, k in enumerate(np.argsort(keys)):
        label[members[k]] = rank
    for cell in range(cells):
        if any_core[cell]:
            label[cell] = label[_root(parent, cell)]
    return label


@njit(nogil=True, cache=True)
def _touch(x, y, z, cell_start, p, q, limit, core):  # type: ignore[no-untyped-def]
    for a in range(cell_start[p], cell_start[p + 1]):
        if core[a]:
            for b in range(cell_start[q], cell_start[q + 1]):
                if core[b] and _near(x, y, z, a, b, limit):
                    return True
    return False


@njit(nogil=True, cache=True)
def border_kernel(  # type: ignore[no-untyped-def]
    x, y, z, cell_column, cell_start, row_start, height, around, limit, core, label, r0, r1, out
):
    """Label the points of rows r0 to r1 - 1: a border point goes to the lowest label around."""
    rows = len(row_start) - 1
    none = np.iinfo(np.int64).max
    for row in range(r0, r1):
        for cell in range(row_start[row], row_start[row + 1]):
            for a in range(cell_start[cell], cell_start[cell + 1]):
                if core[a]:
                    out[a] = label[cell]
                    continue
                best = none if label[cell] < 0 else label[cell]
                for o in range(len(around)):
                    other = _row_of(row, around[o], height, rows)
                    if other < 0:
                        continue
                    low, end = row_start[other], row_start[other + 1]
                    high = end
                    while low < high:  # first cell that is not too far left
                        middle = (low + high) // 2
                        if cell_column[middle] < cell_column[cell] - 2:
                            low = middle + 1
                        else:
                            high = middle
                    c = low
                    while c < end and cell_column[c] <= cell_column[cell] + 2:
                        if 0 <= label[c] < best:
                            for b in range(cell_start[c], cell_start[c + 1]):
                                if core[b] and _near(x, y, z, a, b, limit):
                                    best = label[c]
                                    break
                        c += 1
                out[a] = -1 if best == none else best
