"""A large DataFrame as JSON, in parts between which a job can be killed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symjobs._entities import Cell, DataFrame, to_json

Checkpoint = Callable[[], object]


def frame_json(
    names: Sequence[str],
    letters: Sequence[str],
    n: int,
    rows: Callable[[int, int], list[list[Cell]]],
    stripe: int,
    checkpoint: Checkpoint,
) -> bytes:
    """Return the JSON of a DataFrame entity.

    Parameters
    ----------
    names, letters : sequence of str
        The columns and their types.
    n : int
        The number of rows.
    rows : callable
        Returns the rows ``start..stop``.
    stripe : int
        Rows between two checkpoints.
    checkpoint : callable
        What it raises ends the call.
    """
    head = to_json(DataFrame(list(names), list(letters), []))
    parts = []
    for start in range(0, n, stripe):
        parts.append(to_json(rows(start, min(start + stripe, n)))[1:-1])
        checkpoint()
    return b"".join((head.removesuffix(b"[]}"), b"[", b",".join(parts), b"]}"))
