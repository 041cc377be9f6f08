"""The inputs of a model without targets: which attributes they are, and which of them vary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symjobs._arrays import to_host
from symjobs._errors import InputError
from symjobs._models._model import Names
from symjobs._state import Snapshot
from symjobs._state._inputs import Input
from symjobs._text import some


@dataclass(frozen=True, eq=False, kw_only=True)
class VaryingInputs:
    """The inputs that vary.

    Attributes
    ----------
    inputs : tuple of Input
        The d of them.
    mean : (d,) float64
        Over the rows in which the input is present.
    n_rows : int
        Rows learnt.
    left_out : tuple of str
        Inputs that are constant or without values: they say nothing of how unusual a row is.
    """

    inputs: tuple[Input, ...]
    mean: np.ndarray
    n_rows: int
    left_out: tuple[str, ...]

    def facts(self) -> dict[str, str]:
        """Return what a model's info tells of the inputs."""
        facts = {"rows": str(self.n_rows)}
        if self.left_out:
            facts["left_out"] = f"{', '.join(self.left_out)}: constant or without values"
        return facts


def chosen_indices(snapshot: Snapshot, inputs: Names | None, algo: str) -> list[int]:
    """Return the indexes of a model's inputs.

    Parameters
    ----------
    snapshot : Snapshot
    inputs : sequence of str or int, or None
        As `Snapshot.select` takes them.
    algo : str
        For messages.

    Raises
    ------
    InputError
        As `Snapshot.select`; also if fewer than two rows are learnt.
    """
    if snapshot.n_rows < 2:
        raise InputError(
            f"a model {algo!r} needs at least two rows, and project {snapshot.name!r} holds {snapshot.n_rows}; "
            "learn more first"
        )
    return list(snapshot.select(inputs))


def varying(snapshot: Snapshot, indices: Sequence[int], varies: Sequence[bool] | np.ndarray) -> VaryingInputs:
    """Return the inputs of which ``varies`` is true; InputError if there are none."""
    names = [snapshot.names[i] for i in indices]
    kept = [i for i, live in zip(indices, varies, strict=True) if live]
    if not kept:
        raise InputError(
            f"none of the inputs {some(names)} varies in the {snapshot.n_rows} rows of project {snapshot.name!r}; "
            "name others as inputs"
        )
    return VaryingInputs(
        inputs=tuple(snapshot.input(i) for i in kept),
        mean=to_host(snapshot.moments.mean())[kept],
        n_rows=snapshot.n_rows,
        left_out=tuple(name for name, live in zip(names, varies, strict=True) if not live),
    )
