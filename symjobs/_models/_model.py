"""The base class of model types. A model is built from a snapshot, and answers for the rows of any table."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np

from symjobs._errors import InputError
from symjobs._models._blocks import Blocks
from symjobs._models._predictions import Predictions
from symjobs._models._saved import array, array_fields, json_fields, read_arrays, read_json
from symjobs._parameters import Parameters
from symjobs._state import Snapshot
from symjobs._state._inputs import Input

Names = Sequence[str | int]
Checkpoint = Callable[[int, int], object]


@dataclass_transform(frozen_default=True, eq_default=False, kw_only_default=True, field_specifiers=(array,))
@dataclasses.dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Model(ABC):
    """The base class of models. A model is immutable, and holds no reference to the project.

    A new type is one more file with a subclass, and one more line in `MODEL_TYPES`. The subclass is a frozen dataclass.
    Its fields are what a file holds: those declared with `array` as arrays, the others as JSON.

    Parameters
    ----------
    inputs : tuple of Input
        The d attributes that a prediction needs.
    fill : (d,) float64
        Their means, which replace missing inputs if that is asked for.
    facts : dict of str to str
        What `ModelInfo` shows as ``info``. `build` adds the parameters.

    Attributes
    ----------
    algo : str
        The name of the type on the wire.
    summary : str
        The score or answer in a few words.
    parameter_type : type of Parameters
        The declared parameters.
    needs_histogram : bool
        Whether C inputs need a project with histograms.
    needs_clusters : bool
        Whether it needs a project with clusters.
    keys : dict of str to str
        The meaning of each key of a prediction.
    score : str or None
        The key whose value is larger for a more unusual row; None for a model without one.
    """

    algo: ClassVar[str]
    summary: ClassVar[str]
    parameter_type: ClassVar[type[Parameters]]
    needs_histogram: ClassVar[bool] = False
    needs_clusters: ClassVar[bool] = False
    keys: ClassVar[dict[str, str]]
    score: ClassVar[str | None] = None

    inputs: tuple[Input, ...]
    fill: np.ndarray = array("d")  # noqa: RUF009  # a field, as `dataclasses.field` makes it
    facts: dict[str, str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, eq=False, kw_only=True, repr=False)(cls)

    # What a model type defines.

    @classmethod
    @abstractmethod
    def learn(
        cls, snapshot: Snapshot, inputs: Names | None, parameters: Any, checkpoint: Checkpoint | None = None
    ) -> Self:
        """Return the model of a snapshot.

        Parameters
        ----------
        snapshot : Snapshot
            The state that the model is built from.
        inputs : sequence of str or int, or None
            Names or indexes of attributes, at least one; None for all that the type can take.
        parameters : Parameters
            Of the type `parameter_type`.
        checkpoint : callable, optional
            Called every few milliseconds with steps done and steps to do; what it raises ends the building.

        Raises
        ------
        InputError
            If an input or a parameter is not possible; the message names it.
        """

    @abstractmethod
    def answer(self, block: np.ndarray) -> dict[str, np.ndarray]:
        """Return the answers for some rows.

        Parameters
        ----------
        block : (m, d) float64
            The inputs; NaN where one is missing.

        Returns
        -------
        dict of str to (m,) array
            By the keys of `result_keys`.
        """

    @abstractmethod
    def predictions(self, columns: dict[str, np.ndarray], **counts: int) -> Predictions:
        """Return the answers for all rows as an object; ``counts`` are what every `Predictions` takes."""

    def check(self) -> None:  # noqa: B027  # most have nothing to check
        """Raise ValueError if the fields of a saved model do not fit together. The message follows the model's name."""

    def extra(self) -> dict[str, Any]:
        """Return further numbers, and lists of numbers, for ModelInfo."""
        return {}

    def result_keys(self) -> dict[str, str]:
        """Return the meaning of each key of this model's predictions."""
        return self.keys

    @property
    def targets(self) -> tuple[Input, ...]:
        """The attributes that the model predicts; none if it learns without targets."""
        return ()

    # The same for all types.

    @classmethod
    def build(
        cls,
        snapshot: Snapshot,
        inputs: Names | None,
        targets: Names | None,
        parameters: Parameters,
        checkpoint: Checkpoint | None = None,
    ) -> Self:
        """Check the request, and return the model; InputError if it is not possible."""
        if targets:
            raise InputError(f"a model {cls.algo!r} has no targets; name its attributes as inputs")
        if inputs is not None and not len(inputs):
            raise InputError("no input is named; name at least one attribute, or leave inputs out")
        model = cls.learn(snapshot, inputs, parameters, checkpoint)
        return dataclasses.replace(model, facts={**parameters.as_text(), **model.facts})

    def predict(self, blocks: Blocks) -> Predictions:
        """Return the predictions for the rows of blocks, whose columns are the inputs."""
        parts = [self.answer(block) for block in blocks]
        columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        return self.predictions(columns, n_rows=blocks.n_rows, n_missing=blocks.n_missing, n_imputed=blocks.n_imputed)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that a file holds."""
        return {field.name: getattr(self, field.name) for field in array_fields(type(self))}

    def metadata(self) -> dict[str, Any]:
        """Return the JSON that a file holds, except the inputs."""
        return {field.name: getattr(self, field.name) for field in json_fields(type(self))}

    @classmethod
    def restore(cls, inputs: tuple[Input, ...], arrays: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> Self:
        """Return what `arrays` and `metadata` came from; ValueError if they do not fit."""
        try:
            fields = {**read_arrays(cls, len(inputs), arrays), **read_json(cls, metadata)}
            model = cls(inputs=inputs, **fields)
            model.check()
        except KeyError as error:
            raise ValueError(f"its {cls.algo} model lacks {error}") from error
        except ValueError as error:
            raise ValueError(f"its {cls.algo} model {error}") from error
        return model
