"""symjobs: read the data once, keep a small mergeable state, answer every question from it as a job."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0.dev0"

# Where each public name lives. They are loaded on first use, so that importing symjobs is instant.
_NAMES = {
    "Project": "_project",
}
_MODULES = ("datasets", "rest", "sources")

__all__ = ["__version__", *sorted(_NAMES), *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
