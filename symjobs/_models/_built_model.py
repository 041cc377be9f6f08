"""A model under its name, with the parameters, the time and the state that it was built from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from symjobs._entities import ModelInfo
from symjobs._errors import InputError
from symjobs._models._blocks import Blocks
from symjobs._models._model import Checkpoint, Model, Names
from symjobs._models._predictions import Predictions
from symjobs._models._registry import model_type
from symjobs._parameters import Parameters, text_parameters
from symjobs._state import Snapshot
from symjobs._state._inputs import Input


class ModelRecord(msgspec.Struct, forbid_unknown_fields=True):
    """What a file holds of a model besides its arrays."""

    model_id: str
    algo: str
    created: int
    build_time: int
    project_hash: str
    parameters: dict[str, str]
    inputs: list[Input]
    metadata: dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class BuiltModel:
    """A model under its name.

    Attributes
    ----------
    model_id : str
    model : Model
    parameters : dict of str to str
        As given.
    project_hash : str
        Hash of the state that it was built from.
    created : int
        When it was built, in milliseconds since the epoch.
    build_time : int
        Duration of the building, in milliseconds.
    """

    model_id: str
    model: Model
    parameters: dict[str, str]
    project_hash: str
    created: int
    build_time: int

    def predict(
        self, data: Any, *, impute: bool = False, checkpoint: Callable[[int], object] | None = None
    ) -> Predictions:
        """Return the predictions for a table's rows; see `symjobs.Project.predict`."""
        fill = self.model.fill if impute else None
        return self.model.predict(Blocks(data, self.model.inputs, fill, checkpoint))

    def info(self) -> ModelInfo:
        """Return what a client sees of the model."""
        model = self.model
        return ModelInfo(
            modelId=self.model_id,
            modelType=model.algo,
            modelBuilt=True,
            buildTime=self.build_time,
            attributeNames=[known.name for known in model.inputs],
            attributeIndexes=[known.index for known in model.inputs],
            attributeTypes=[known.type for known in model.inputs],
            predictInfo=dict(model.result_keys()),
            targetNames=[known.name for known in model.targets],
            targetindexes=[known.index for known in model.targets],
            info={**model.facts, "projectHash": self.project_hash},
            creationDate=self.created,
            extra=model.extra(),
        )

    def record(self) -> ModelRecord:
        """Return what a file holds besides `arrays`."""
        return ModelRecord(
            model_id=self.model_id,
            algo=self.model.algo,
            created=self.created,
            build_time=self.build_time,
            project_hash=self.project_hash,
            parameters=self.parameters,
            inputs=list(self.model.inputs),
            metadata=self.model.metadata(),
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the model's arrays by name."""
        return self.model.arrays()

    @classmethod
    def restore(cls, record: ModelRecord, arrays: Mapping[str, np.ndarray]) -> BuiltModel:
        """Return what `record` and `arrays` came from; ValueError if they do not fit."""
        if not record.inputs:
            raise ValueError(f"model {record.model_id!r} has no inputs")
        model = model_type(record.algo).restore(tuple(record.inputs), arrays, record.metadata)
        return cls(record.model_id, model, record.parameters, record.project_hash, record.created, record.build_time)


def check_model(algo: str, parameters: Mapping[str, object]) -> tuple[type[Model], dict[str, str], Parameters]:
    """Return the model type of a name, and the parameters as text and parsed; InputError names what is wrong."""
    kind = model_type(algo)
    given = text_parameters(parameters, "the model's parameters")
    return kind, given, kind.parameter_type.from_text(given, f"a {algo} model")


def build_model(
    snapshot: Snapshot,
    model_id: str,
    algo: str,
    inputs: Names | None,
    targets: Names | None,
    parameters: Mapping[str, object],
    checkpoint: Checkpoint | None = None,
) -> BuiltModel:
    """Build a model from a snapshot; InputError names what cannot be."""
    kind, given, settings = check_model(algo, parameters)
    for names, what in ((inputs, "inputs"), (targets, "targets")):
        if isinstance(names, str):
            raise InputError(f"{what} must be a list of attribute names, got the text {names!r}; write [{names!r}]")
    created, start = time.time(), time.perf_counter()
    model = kind.build(snapshot, inputs, targets, settings, checkpoint)
    seconds = time.perf_counter() - start
    return BuiltModel(model_id, model, given, snapshot.hash, int(created * 1000), round(seconds * 1000))
