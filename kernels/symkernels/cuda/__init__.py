"""CUDA C++ sources, one file a kernel. CI compiles them with NVRTC; CuPy compiles them where they run."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

_INCLUDE = re.compile(r'^#include "(\w+\.cuh)"$', re.MULTILINE)


def source(name: str) -> str:
    """The text of ``name``.cu, with the headers that it includes: compilers get one string and search no folder."""
    folder = files(__name__)
    text = (folder / f"{name}.cu").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda found: (folder / found[1]).read_text(encoding="utf-8"), text)


@cache
def _module(name: str) -> Any:
    import cupy

    # CuPy appends -ftz=true to the options, and NVRTC takes the last: subnormal float32 values count as 0.
    return cupy.RawModule(code=source(name))


@cache
def kernel(name: str, function: str) -> Any:
    """A compiled kernel, as a CuPy function."""
    return _module(name).get_function(function)
