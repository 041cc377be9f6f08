"""What every model type does: it is built from a snapshot alone, and answers for the rows of any table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from symjobs._models._blocks import Blocks
from symjobs._models._predictions import Predictions
from symjobs._parameters import Parameters
from symjobs._state import Snapshot
from symjobs._state._inputs import Input

Names = Sequence[str | int]
Checkpoint = Callable[[int, int], object]


class Model(ABC):
    """A model: what was found in a project's state. It is immutable, and holds no reference to the project.

    A new type is one more file with a subclass, and one more line in `MODEL_TYPES`.

    Parameters
    ----------
    inputs : tuple of Input
        The d attributes that a prediction needs.
    fill : (d,) float64
        Their means: what replaces a missing one, if that is asked for.

    Attributes
    ----------
    algo : str
        The name of the type on the wire.
    summary : str
        What its score or answer is, in a few words.
    parameter_type : type of Parameters
        The declared parameters.
    needs_histogram : bool
        Whether C inputs need a project that keeps histograms.
    needs_clusters : bool
        Whether it needs a project that keeps clusters.
    keys : dict of str to str
        What each key of a prediction says.
    score : str or None
        The one of `keys` that says how unusual a row is, more so where it is larger; None in a model without one.
    """

    algo: ClassVar[str]
    summary: ClassVar[str]
    parameter_type: ClassVar[type[Parameters]]
    needs_histogram: ClassVar[bool] = False
    needs_clusters: ClassVar[bool] = False
    keys: ClassVar[dict[str, str]]
    score: ClassVar[str | None] = None

    def __init__(self, inputs: tuple[Input, ...], fill: np.ndarray) -> None:
        self.inputs = inputs
        self.fill = fill

    @property
    def targets(self) -> tuple[Input, ...]:
        """What the model predicts of the attributes; none, if it learns without targets."""
        return ()

    @classmethod
    @abstractmethod
    def build(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        targets: Names | None,
        settings: Any,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        """Build a model.

        Parameters
        ----------
        snapshot : Snapshot
            The one state that everything comes from.
        inputs, targets : sequence of str or int, or None
            Names or indexes of attributes.
        settings : Parameters
            The parameters, of the type `parameter_type`.
        checkpoint : callable, optional
            Called every few milliseconds with steps done and steps to do; what it raises ends the building.

        Raises
        ------
        InputError
            Names the input or parameter that cannot be.
        """

    @abstractmethod
    def predict(self, blocks: Blocks) -> Predictions:
        """Return the predictions for the rows of blocks, whose columns are the inputs."""

    @abstractmethod
    def info(self) -> dict[str, str]:
        """Return what the model says of itself, as text."""

    def extra(self) -> dict[str, Any]:
        """Return what a ModelInfo shows besides: numbers and lists of them."""
        return {}

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a file holds of it as arrays, besides the inputs and `fill`."""

    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """Return what a file holds of it as JSON."""

    @classmethod
    @abstractmethod
    def restore(
        cls, inputs: tuple[Input, ...], fill: np.ndarray, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]
    ) -> Self:
        """Return what `arrays` and `metadata` came from; KeyError, TypeError or ValueError if they do not fit."""
