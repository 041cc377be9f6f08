"""The server: the wire contract over HTTP, as an ASGI application (extra ``server``)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from symjobs._errors import MissingDependency

if TYPE_CHECKING:
    from symjobs.server._app import create_app as create_app
    from symjobs.server._key import MasterKey as MasterKey
    from symjobs.server._key import new_key as new_key
    from symjobs.server._key import read_key as read_key
    from symjobs.server._sources import DataSources as DataSources
    from symjobs.server._users import Users as Users

# Loaded on first use, so that `symjobs.server` is there, and says what is missing, without its packages.
_NAMES = {
    "DataSources": "_sources",
    "MasterKey": "_key",
    "Users": "_users",
    "create_app": "_app",
    "new_key": "_key",
    "read_key": "_key",
}
_PACKAGES = ("anyio", "cryptography", "starlette")

__all__ = ["DataSources", "MasterKey", "Users", "create_app", "new_key", "read_key"]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _PACKAGES:
            raise
        raise MissingDependency(error.name, "server", "symjobs.server") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
