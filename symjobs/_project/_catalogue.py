"""The models of a project, and the EVT wrappers around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from symjobs._entities import ModelInfo
from symjobs._errors import NoSuchModel, ProjectError
from symjobs._models import BuiltModel, EvtWrapper

_Kept = TypeVar("_Kept")


@dataclass(frozen=True)
class ModelCatalogue:
    """Models by name. It is immutable: a change returns a new one, so that a snapshot keeps its own.

    Attributes
    ----------
    models : mapping of str to BuiltModel
        In the order in which they were first built.
    wrappers : mapping of str to EvtWrapper
        By the name of the model.
    """

    models: Mapping[str, BuiltModel] = field(default_factory=dict)
    wrappers: Mapping[str, EvtWrapper] = field(default_factory=dict)

    def find(self, model_id: str) -> tuple[BuiltModel, EvtWrapper | None]:
        """Return a model and its wrapper; NoSuchModel if there is none of this name."""
        if model_id not in self.models:
            raise NoSuchModel(model_id)
        return self.models[model_id], self.wrappers.get(model_id)

    def info(self, model_id: str) -> ModelInfo:
        """Return what a client sees of a model and its wrapper."""
        built, wrapper = self.find(model_id)
        info = built.info()
        if wrapper is not None:
            info.info = {**info.info, **wrapper.info()}
            info.predictInfo = {**info.predictInfo, **wrapper.keys()}
        return info

    def with_model(self, built: BuiltModel) -> ModelCatalogue:
        """Return a catalogue with this model. It replaces a model of the same name and its wrapper."""
        models = {**self.models, built.model_id: built}
        return ModelCatalogue(models, _without(self.wrappers, built.model_id))

    def without_model(self, model_id: str) -> ModelCatalogue:
        """Return a catalogue without this model and its wrapper."""
        self.find(model_id)
        return ModelCatalogue(_without(self.models, model_id), _without(self.wrappers, model_id))

    def with_wrapper(self, model_id: str, wrapper: EvtWrapper) -> ModelCatalogue:
        """Return a catalogue with this wrapper. It replaces another one of the model."""
        return replace(self, wrappers={**self.wrappers, model_id: wrapper})

    def without_wrapper(self, model_id: str, project: str) -> ModelCatalogue:
        """Return a catalogue without this wrapper; ProjectError, with the project's name, if there is none."""
        if self.find(model_id)[1] is None:
            raise ProjectError(
                f"model {model_id!r} of project {project!r} has no EVT wrapper; create_evt_wrapper makes one"
            )
        return replace(self, wrappers=_without(self.wrappers, model_id))


def _without(kept: Mapping[str, _Kept], model_id: str) -> dict[str, _Kept]:
    return {name: one for name, one in kept.items() if name != model_id}
