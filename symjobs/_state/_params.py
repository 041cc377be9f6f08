"""The parameters of a project: a string map on the wire, typed here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from symjobs._errors import InputError
from symjobs._parameters import Flag
from symjobs._state._clusters import SCALES, ClusterSettings
from symjobs._state._filter import RowFilter
from symjobs._state._memory import check_memory_for_clusters
from symjobs._state._types import check_types
from symjobs._text import near, shown

MISSING_POLICIES = ("pairwise", "listwise", "error")


@dataclass(frozen=True, slots=True)
class Params:
    """What a project was created with.

    Attributes
    ----------
    row_filter : RowFilter or None
        Only rows that pass it are learnt and forgotten.
    rolling_window : int or None
        How many of the last rows the project stands for.
    missing : str
        ``pairwise`` (default), ``listwise`` or ``error``.
    joint_squares : bool
        Whether sums of (xy)^2 are kept for every pair, so that the conditional variance of `bi` is known for any y.
    types : dict of str to str
        Declared type letters by column.
    clusters : ClusterSettings or None
        How clusters are kept, if any are: the parameters whose names begin with ``cluster_``.
    """

    row_filter: RowFilter | None = None
    rolling_window: int | None = None
    missing: Literal["pairwise", "listwise", "error"] = "pairwise"
    joint_squares: bool = False
    types: dict[str, str] = field(default_factory=dict)
    clusters: ClusterSettings | None = None

    @classmethod
    def parse(cls, params: Mapping[str, Any]) -> Params:
        """Read a map whose values are text, as on the wire, or Python values; InputError names a bad one."""
        readers: dict[str, Callable[[Any], Any]] = {
            "row_filter": lambda value: RowFilter(value) if value not in (None, "") else None,
            "rolling_window": lambda value: _whole("rolling_window", value, 1, "a number of rows"),
            "missing": _policy,
            "joint_squares": _flag,
            "types": _types,
            **_CLUSTER_READERS,
        }
        if not isinstance(params, Mapping):
            raise InputError(f"the project parameters must be a map, got {shown(params)}")
        values = {}
        for name, value in params.items():
            if name not in readers:
                raise InputError(f"unknown project parameter {name!r}; {near(str(name), list(readers))}")
            values[name] = readers[name](value)
        clusters = _cluster_settings({name: values.pop(name) for name in _CLUSTER_READERS if name in values})
        if clusters is not None and values.get("rolling_window") is not None:
            raise InputError(
                "rolling_window does not go with cluster_features: clusters cannot forget the rows that leave the "
                "window; create the project with one of the two"
            )
        return cls(**values, clusters=clusters)


def as_text(params: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as the string map of a ProjectInfo."""
    return {name: _text(value) for name, value in params.items()}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ":".join(value)
    return json.dumps(dict(value) if isinstance(value, Mapping) else value)


def _whole(name: str, value: Any, least: int, what: str = "a whole number") -> int | None:
    if value is None or (isinstance(value, str) and not value):
        return None
    try:
        number = least - 1 if isinstance(value, bool) else int(value)
    except (TypeError, ValueError, OverflowError):
        number = least - 1
    if not least <= number < 2**63 or (isinstance(value, float) and value != number):
        raise InputError(f"{name} is {what}, {least} or more, got {shown(value)}")
    return number


def _flag(value: Any) -> bool:
    try:
        return Flag().parse(str(value))
    except ValueError:
        raise InputError(f"joint_squares must be {Flag().words}, got {shown(value)}") from None


def _scale(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and not value):
        return None
    if not isinstance(value, str) or value not in SCALES:
        raise InputError(f"cluster_scale is one of {', '.join(SCALES)}, got {shown(value)}")
    return value


def _features(value: Any) -> tuple[str, ...] | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str | list | tuple):
        raise InputError(f"cluster_features names attributes, separated by colons, got {shown(value)}")
    names = tuple(value.split(":") if isinstance(value, str) else value)
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"cluster_features has an empty name at place {place}: {shown(value)}")
        if ":" in name:
            raise InputError(f"cluster_features names {name!r}, and the colon separates names; rename the column")
        if name in names[:place]:
            raise InputError(f"cluster_features names {name!r} twice; name it once")
    return names or None


_CLUSTER_READERS: dict[str, Callable[[Any], Any]] = {
    "cluster_features": _features,
    "cluster_num_centroids": lambda value: _whole("cluster_num_centroids", value, 1),
    "cluster_warmup_period": lambda value: _whole("cluster_warmup_period", value, 2, "a number of rows"),
    "cluster_max_iterations": lambda value: _whole("cluster_max_iterations", value, 1),
    "cluster_rnd_seed": lambda value: _whole("cluster_rnd_seed", value, -(2**63)),
    "cluster_scale": _scale,
}


def _cluster_settings(given: Mapping[str, Any]) -> ClusterSettings | None:
    given = {name: value for name, value in given.items() if value is not None}
    features = given.pop("cluster_features", None)
    if features is None:
        if given:
            raise InputError(f"{next(iter(given))} needs cluster_features: the attributes to keep clusters over")
        return None
    names = {
        "cluster_num_centroids": "n_centroids",
        "cluster_warmup_period": "warmup",
        "cluster_max_iterations": "max_iter",
        "cluster_rnd_seed": "seed",
        "cluster_scale": "scale",
    }
    settings = ClusterSettings(features, **{names[name]: value for name, value in given.items()})
    if settings.warmup <= settings.n_centroids:
        raise InputError(
            f"cluster_warmup_period must exceed cluster_num_centroids, got {settings.warmup} for "
            f"{settings.n_centroids} centroids; give at least {settings.n_centroids + 1}"
        )
    check_memory_for_clusters(settings.n_centroids)
    return settings


def _policy(value: Any) -> str:
    if value not in MISSING_POLICIES:
        raise InputError(f"missing is one of {', '.join(MISSING_POLICIES)}, got {value!r}")
    return str(value)


def _types(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        try:
            value = json.loads(value) if value else {}
        except ValueError as error:
            raise InputError(f'the parameter types must be a JSON object such as {{"a": "C"}}: {error}') from None
    return check_types(value, "the parameter types")
