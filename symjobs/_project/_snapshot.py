"""A project at one moment: what it had learnt, its models and its description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from symjobs._entities import ProjectInfo
from symjobs._errors import NoSuchModel
from symjobs._models import BuiltModel
from symjobs._state._params import as_text
from symjobs._state._snapshot import Snapshot
from symjobs._state._state import State
from symjobs._tables._types import SEPARATOR


@dataclass(frozen=True, slots=True)
class About:
    """What a snapshot tells of its project besides the state."""

    params: dict[str, object]
    created: int
    modified: int
    persisted: bool
    auto_save: bool
    models: Mapping[str, BuiltModel]


class ProjectSnapshot(Snapshot):
    """A snapshot that also has the models and the description of its project. `Project.snapshot` makes it.

    Parameters
    ----------
    state : State
        What was learnt; private to symjobs.
    name : str
        Name of the project.
    about : About
        What the project hands over besides; private to symjobs.
    """

    def __init__(self, state: State, name: str, about: About) -> None:
        super().__init__(state, name)
        self._about = about

    def model(self, model_id: str) -> BuiltModel:
        """Return a model as it was when the snapshot was taken.

        Parameters
        ----------
        model_id : str

        Raises
        ------
        NoSuchModel
            If there was none of this name.
        """
        if model_id not in self._about.models:
            raise NoSuchModel(model_id)
        return self._about.models[model_id]

    def info(self) -> ProjectInfo:
        """Return what a client sees of the project."""
        about, names = self._about, self.names
        return ProjectInfo(
            pid=self.name,
            modelsList=list(about.models),
            modelTypeList=[built.model.algo for built in about.models.values()],
            attributeNames=list(names),
            attributeIndexes=list(range(len(names))),
            attributeTypes=list(self.types),
            params={**as_text(about.params), **({} if self.clusters is None else self.clusters.notes())},
            hash=self.hash,
            categorySeparator=SEPARATOR,
            type=self.type,
            creationDate=about.created,
            lastModificationDate=about.modified,
            loaded=True,
            persisted=about.persisted,
            histogramEnabled=self.histogram,
            autoSave=about.auto_save,
        )
