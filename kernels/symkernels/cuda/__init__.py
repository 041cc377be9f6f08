"""CUDA C++ sources, one file a kernel. CI compiles them with NVRTC; CuPy compiles them where they run."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any


def source(name: str) -> str:
    """The text of ``name``.cu."""
    return (files(__name__) / f"{name}.cu").read_text(encoding="utf-8")


@cache
def kernel(name: str, function: str) -> Any:
    """A compiled kernel, as a CuPy function."""
    import cupy

    return cupy.RawModule(code=source(name)).get_function(function)
