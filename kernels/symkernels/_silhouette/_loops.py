"""Compiled loops over tiles of rows for NumPy. `_simd` says what a tile is; `_compiled` calls the loops.

Rows are sorted by *cell*: the rows of a cell have equal labels in every labeling. Their distances are added up in
registers, and the sum is added to the cell's cluster in every labeling.
"""

from __future__ import annotations

import numpy as np

from .._jit import compiled
from .._vectors import pointer_to
from ._simd import (
    HEIGHT,
    WIDTH_64,
    add_across,
    add_run,
    add_run_weighted,
    add_wide_run,
    distances_to_block,
    distances_to_row,
    lane_sum,
)

# Cells are handed over as one tuple: cell_of, starts, stops, columns, until, the arrays of `_compiled._Arrangement`. It
# is a plain tuple, as Numba takes one from Python in 0.1 us and a named one in 0.7 us.

CHUNK = 64  # rows whose distances to a tile are held at a time: 8 KiB
_COLUMNS = 64  # in a piece of a tile: 8 KiB, so that it stays in the first cache with what is held
_SHORT = 16  # float32 distances added up before they are widened


@compiled
def sort_by_label(order, start, stop, labels, places, out):
    """One pass of a stable counting sort. ``places``: where the next row of each label goes."""
    for i in range(start, stop):
        label = labels[order[i]]
        out[places[label]] = order[i]
        places[label] += 1


@compiled
def mark_cells(order, start, stop, labels, begins):
    """Mark the sorted rows that differ from the row before in any labeling; return how many do."""
    found = 0
    for i in range(start, stop):
        different = i == 0
        for q in range(labels.shape[0]):
            different |= labels[q, order[i]] != labels[q, order[max(i - 1, 0)]]
        begins[i] = different
        found += different
    return found


@compiled
def lay_out_rows(order, start, stop, begins, step, place, cell, rows, cell_of, starts, stops):
    """Put sorted rows into their places, with padding before each cell up to a multiple of ``step``.

    ``place`` and ``cell`` are those of the next row and the last cell; what they are then is returned.
    """
    for i in range(start, stop):
        if begins[i]:
            while place % step:
                rows[place], cell_of[place] = -1, cell
                place += 1
            cell += 1
            starts[cell] = place
        rows[place], cell_of[place] = order[i], cell
        place += 1
        stops[cell] = place
    return place, cell


@compiled
def lay_out_cells(rows, starts, start, stop, labels, offsets, columns, until):
    """Write the clusters of some cells in each labeling, and the first cell after each that is in another cluster."""
    for q in range(labels.shape[0]):
        for c in range(stop - 1, start - 1, -1):
            columns[q, c] = offsets[q] + labels[q, rows[starts[c]]]
            same = c + 1 < columns.shape[1] and columns[q, c + 1] == columns[q, c]
            until[q, c] = until[q, c + 1] if same else c + 1


@compiled
def fill_tiles(Y, first, tiles):
    """Write the rows from ``first`` on into tiles, column after column; zeros after the last row."""
    width = tiles.shape[2]
    for t in range(tiles.shape[0]):
        for lane in range(width):
            r = first + t * width + lane
            if r < Y.shape[0]:
                for j in range(Y.shape[1]):
                    tiles[t, j, lane] = Y[r, j]
            else:
                tiles[t, :, lane] = 0


@compiled
def _distances(tiles, t, Y, start, count, root, held):
    """Distances, or their squares, of tile t to ``count`` rows of Y from ``start`` on."""
    d, width = tiles.shape[1], tiles.shape[2]
    whole = count // HEIGHT
    done = whole * HEIGHT
    for j in range(0, d, _COLUMNS):
        columns = min(_COLUMNS, d - j)
        tile, rows = pointer_to(tiles, (t * d + j) * width), pointer_to(Y, start * d + j)
        last = root and j + columns == d
        distances_to_block(tile, rows, d, columns, whole, j > 0, last, pointer_to(held, 0))
        if done < count:
            rows = pointer_to(Y, (start + done) * d + j)
            distances_to_row(tile, rows, d, columns, count - done, j > 0, last, pointer_to(held, done * width))


@compiled
def _add_run(held, i, end, start, weight, resume, out):
    """Sum a tile's distances to rows i to ``end`` of a chunk that begins with row ``start``."""
    width = held.shape[1]
    if len(weight):
        add_run_weighted(pointer_to(held, i * width), pointer_to(weight, start + i), end - i, resume, out)
        return
    for k in range(i, end, _SHORT):
        short = min(_SHORT, end - k)
        add_run(pointer_to(held, k * width), pointer_to(weight, 0), short, resume or k > i, out)


@compiled
def _add_cells(held, start, count, cell, cells, weight, runs, sums, t):
    """Add a tile's distances to the rows from ``start`` on to its sums over clusters; return the next row's cell.

    Of several labelings, first the runs of the cells are summed up, then those of the clusters of each labeling.
    """
    _, starts, stops, columns, until = cells
    clusters, width = sums.shape[1], sums.shape[2]
    several = columns.shape[0] > 1
    if start >= stops[cell]:  # in the padding after a cell
        cell += 1
    i = max(0, starts[cell] - start)
    first, found = cell, 0
    while i < count:
        end = min(stops[cell] - start, count)
        if several:
            _add_run(held, i, end, start, weight, False, pointer_to(runs, found * width))
            found += 1
        else:
            place = (t * clusters + columns[0, cell]) * width
            _add_run(held, i, end, start, weight, True, pointer_to(sums, place))
        if end + start == stops[cell]:  # what follows up to the next cell is padding
            cell += 1
            end = starts[cell] - start
        i = end
    for q in range(columns.shape[0] if several else 0):
        i = 0
        while i < found:
            end = min(until[q, first + i] - first, found)
            source = pointer_to(runs, i * width)
            out = pointer_to(sums, (t * clusters + columns[q, first + i]) * width)
            if width == WIDTH_64:
                add_run(source, source, end - i, True, out)
            else:
                add_wide_run(source, source, end - i, True, out)
            i = end
    return cell


@compiled
def add_rows(tiles, Y, start, stop, at_once, cells, weight, held, runs, sums):
    """Add the distances of every tile to some rows to its sums. ``at_once`` rows stay in cache for all tiles."""
    cell_of = cells[0]
    for block in range(start, stop, at_once):
        block_stop = min(block + at_once, stop)
        for t in range(tiles.shape[0]):
            cell = cell_of[block]
            for row in range(block, block_stop, CHUNK):
                count = min(CHUNK, block_stop - row)
                _distances(tiles, t, Y, row, count, True, held)
                cell = _add_cells(held, row, count, cell, cells, weight, runs, sums, t)


@compiled
def add_rows_both_ways(tiles, first, own, factors, Y, start, stop, at_once, cells, weight, held, runs, across, sums):
    """As `add_rows`, for the tiles from ``first`` on, all in cluster ``own``, and the rows from there on.

    Each pair counts for both of its rows: ``sums`` has entries for all tiles. ``factors`` are the weights of the tiles'
    rows, 0 for padding. Clusters begin on a tile.
    """
    cell_of = cells[0]
    width = tiles.shape[2]
    lanes = across.shape[1]
    for block in range(start, stop, at_once):
        block_stop = min(block + at_once, stop)
        across[:] = 0
        for t in range(tiles.shape[0]):
            begin = max(block, (first + t) * width)
            if begin >= block_stop:
                continue
            cell = cell_of[begin]
            for row in range(begin, block_stop, CHUNK):
                count = min(CHUNK, block_stop - row)
                _distances(tiles, t, Y, row, count, True, held)
                cell = _add_cells(held, row, count, cell, cells, weight, runs, sums, first + t)
                other = max(0, (first + t + 1) * width - row)  # pairs within the tile are counted both ways already
                if other < count:
                    target = pointer_to(across, (row + other - block) * lanes)
                    add_across(pointer_to(held, other * width), pointer_to(factors, t * width), count - other, target)
        for row in range(max(block, (first + 1) * width), block_stop):
            tile, lane = divmod(row, width)
            sums[tile, own, lane] += lane_sum(pointer_to(across, (row - block) * lanes))


@compiled
def _score(average, lane, own, counts, first, last):
    """The silhouette of one row, as `_scores.scores` has it, from sums (clusters, lanes) and one labeling's counts."""
    size = counts[first + own]
    if size <= 1.0:
        return 0.0
    a, b = 0.0, np.inf
    for c in range(first, last):
        if c == first + own:
            a = average[c, lane] / (size - 1.0)
        elif counts[c] > 0.0:
            b = min(b, average[c, lane] / counts[c])
    top = max(a, b)
    return (b - a) / top if top > 0.0 else 0.0


@compiled
def score_tiles(sums, count, first, rows, labels, counts, offsets, found):
    """Silhouettes of the rows of ``count`` tiles. ``rows``: where each was in the input, -1 for padding."""
    width = sums.shape[2]
    for t in range(count):
        for lane in range(width):
            place = first + t * width + lane
            if place < len(rows) and rows[place] >= 0:
                r = rows[place]
                for q in range(labels.shape[0]):
                    found[q, r] = _score(sums[t], lane, labels[q, r], counts, offsets[q], offsets[q + 1])


# Squared distances. The sum over a cluster's rows is weight * (squared distance to their mean) + their scatter.


@compiled
def add_to_clusters(X, start, scale, shift, labels, offsets, weight, sums):
    """Add the rows of a block, of which the first one is row ``start`` of all, to the sums of their clusters."""
    for i in range(X.shape[0]):
        r = start + i
        w = weight[r] if len(weight) else 1.0
        for q in range(labels.shape[0]):
            c = offsets[q] + labels[q, r]
            for j in range(X.shape[1]):
                sums[c, j] += w * (X[i, j] * scale - shift[j])


@compiled
def _to_means(X, i, scale, shift, means, tile, squares):
    """Squared distances (means, rows) of the tile of rows from i on."""
    width = tile.shape[2]
    for lane in range(width):
        for j in range(X.shape[1]):
            tile[0, j, lane] = X[i + lane, j] * scale - shift[j] if i + lane < X.shape[0] else 0.0
    for c in range(0, means.shape[0], CHUNK):
        _distances(tile, 0, means, c, min(CHUNK, means.shape[0] - c), False, squares[c:])


@compiled
def add_scatter(X, start, scale, shift, means, labels, offsets, weight, tile, squares, scatter):
    """Add the squared distances of a block's rows to the means of their own clusters to ``scatter``."""
    width = tile.shape[2]
    for i in range(0, X.shape[0], width):
        _to_means(X, i, scale, shift, means, tile, squares)
        for lane in range(min(width, X.shape[0] - i)):
            r = start + i + lane
            w = weight[r] if len(weight) else 1.0
            for q in range(labels.shape[0]):
                c = offsets[q] + labels[q, r]
                scatter[c] += w * squares[c, lane]


@compiled
def score_by_means(X, start, scale, shift, means, scatter, least, labels, offsets, counts, tile, squares, found):
    """Silhouettes of a block's rows with squared Euclidean distances; those up to ``least`` (clusters,) are 0."""
    width = tile.shape[2]
    for i in range(0, X.shape[0], width):
        _to_means(X, i, scale, shift, means, tile, squares)
        for c in range(means.shape[0]):
            for lane in range(width):
                total = squares[c, lane] * counts[c] + scatter[c]
                squares[c, lane] = total if total > least[c] * counts[c] else 0.0
        for lane in range(min(width, X.shape[0] - i)):
            r = start + i + lane
            for q in range(labels.shape[0]):
                found[q, r] = _score(squares, lane, labels[q, r], counts, offsets[q], offsets[q + 1])
