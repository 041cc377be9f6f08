"""The parameters of a project: a string map on the wire, typed here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from symjobs._errors import InputError
from symjobs._parameters import Choice, Flag, Integer, Kind, Parameters, parameter
from symjobs._state._clusters import SCALES, ClusterSettings
from symjobs._state._filter import RowFilter
from symjobs._state._memory import check_memory_for_clusters
from symjobs._tables._types import check_types
from symjobs._text import is_blank, shown

MISSING_POLICIES = ("pairwise", "listwise", "error")


@dataclass(frozen=True)
class _Filter(Kind):
    """The text of a `RowFilter`."""

    number_is_text: ClassVar[bool] = False

    @property
    def words(self) -> str:
        return "conditions such as a==1;b>=0.2"

    def parse(self, text: str) -> RowFilter:
        return RowFilter(text)

    def check(self, value: Any) -> RowFilter:
        if not isinstance(value, RowFilter):
            raise ValueError
        return value

    def bad_values(self) -> Sequence[Any]:
        return [1, ["a==1"], {"a": 1}]


@dataclass(frozen=True)
class TypeLetters(Kind):
    """Type letters by column; as text a JSON object."""

    number_is_text: ClassVar[bool] = False

    @property
    def words(self) -> str:
        return 'a map of column names to type letters, as text a JSON object such as {"a": "C"}'

    def parse(self, text: str) -> dict[str, str]:
        try:
            value = json.loads(text)
        except ValueError:
            raise ValueError from None
        return self.check(value)

    def check(self, value: Any) -> dict[str, str]:
        if not isinstance(value, Mapping):
            raise ValueError
        return check_types(value, "the parameter types")

    def bad_values(self) -> Sequence[Any]:
        return ["a", "[1]", "{", 1, ["a"]]


@dataclass(frozen=True)
class _Names(Kind):
    """Names of attributes, each once; as text with colons between them."""

    number_is_text: ClassVar[bool] = False

    @property
    def words(self) -> str:
        return "names of attributes, as text with colons between them"

    def parse(self, text: str) -> tuple[str, ...]:
        return self.check(text.split(":"))

    def check(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError
        for place, name in enumerate(value):
            if not isinstance(name, str) or not name.strip():
                raise InputError(f"cluster_features has an empty name at place {place}: {shown(value)}")
            if ":" in name:
                raise InputError(f"cluster_features names {name!r}, and the colon separates names; rename the column")
            if name in value[:place]:
                raise InputError(f"cluster_features names {name!r} twice; name it once")
        return tuple(value)

    def bad_values(self) -> Sequence[Any]:
        return [1, {"a": "b"}]


class ClusterParameters(Parameters):
    """How a project keeps clusters of the rows that it learns."""

    strict_prefix: ClassVar[str | None] = ""
    blank_is_absent: ClassVar[bool] = True

    cluster_features: tuple[str, ...] | None = parameter(
        "cluster_features",
        _Names(),
        "keep clusters over these attributes: C and B columns, and members of categories, as species$setosa",
        default=None,
    )
    cluster_num_centroids: int = parameter(
        "cluster_num_centroids",
        Integer(1),
        "most micro-clusters to keep; more are closer to the rows, and cost in proportion",
        default=100,
    )
    cluster_warmup_period: int = parameter(
        "cluster_warmup_period",
        Integer(2),
        "rows to wait for, more than centroids; until then the rows themselves are kept",
        default=101,
    )
    cluster_max_iterations: int = parameter(
        "cluster_max_iterations",
        Integer(1),
        "most iterations of the k-means that forms them",
        default=1000,
    )
    cluster_rnd_seed: int = parameter("cluster_rnd_seed", Integer(), "what random numbers come from", default=0)
    cluster_scale: Literal["none", "standard"] = parameter(
        "cluster_scale",
        Choice(*SCALES),
        "standard measures distances in the standard deviations at the end of the warm-up",
        default="none",
    )

    @cached_property
    def clusters(self) -> ClusterSettings | None:
        """How clusters are kept, if any are."""
        if self.cluster_features is None:
            return None
        return ClusterSettings(
            features=self.cluster_features,
            n_centroids=self.cluster_num_centroids,
            warmup=self.cluster_warmup_period,
            max_iter=self.cluster_max_iterations,
            seed=self.cluster_rnd_seed,
            scale=self.cluster_scale,
        )


class ProjectParameters(ClusterParameters):
    """What a project was created with."""

    missing: Literal["pairwise", "listwise", "error"] = parameter(
        "missing", Choice(*MISSING_POLICIES), "what happens to a row with a missing value", default="pairwise"
    )
    row_filter: RowFilter | None = parameter(
        "row_filter", _Filter(), "learn and forget only the rows that pass; every row passes by default", default=None
    )
    rolling_window: int | None = parameter(
        "rolling_window", Integer(1), "stand for so many of the last rows, and forget the older ones", default=None
    )
    joint_squares: bool = parameter(
        "joint_squares",
        Flag(),
        "keep the sums of (xy)^2 for every pair, for the conditional variance of bi given any attribute",
        default=False,
    )
    exact: bool = parameter(
        "exact",
        Flag(),
        "sum every row without rounding errors, so that the order of rows, batches and merges changes no bit",
        default=False,
    )
    types: dict[str, str] | None = parameter("types", TypeLetters(), "declared type letters by column", default=None)

    @classmethod
    def from_text(cls, given: Mapping[str, Any], what: str = "the project") -> Self:
        made = super().from_text(given, what)
        if made.cluster_features is None:
            for name, value in given.items():
                if name.startswith("cluster_") and name != "cluster_features" and not is_blank(value):
                    raise InputError(f"{name} needs cluster_features: the attributes to keep clusters over")
        return made

    def check(self) -> None:
        if self.cluster_features is None:
            return
        if self.rolling_window is not None:
            raise InputError(
                "rolling_window does not go with cluster_features: clusters cannot forget the rows that leave the "
                "window; create the project with one of the two"
            )
        if self.cluster_warmup_period <= self.cluster_num_centroids:
            raise InputError(
                f"cluster_warmup_period must exceed cluster_num_centroids, got {self.cluster_warmup_period} for "
                f"{self.cluster_num_centroids} centroids; give at least {self.cluster_num_centroids + 1}"
            )
        check_memory_for_clusters(self.cluster_num_centroids)


def as_text(params: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as the string map of a ProjectInfo, as they were given."""
    return {name: _text(value) for name, value in params.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ":".join(value)
    return json.dumps(dict(value) if isinstance(value, Mapping) else value)
