"""Where CUDA code is tested: on a card through CuPy, and everywhere else through the emulator with NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from symkernels import cuda
from tests.symkernels import cuda_emulator
from tests.symkernels._backends import Backend

Put = Callable[[Any], Any]

PLACES = [pytest.param("emulator", marks=cuda_emulator.needs_compiler)]
if Backend.CUPY.available:
    PLACES.append(pytest.param("card", marks=pytest.mark.gpu))


def place(name: str, monkeypatch: pytest.MonkeyPatch, *modules: Any) -> Iterator[Put]:
    """How a NumPy array gets to where ``modules``, the host code under test, will find their kernels."""
    if name == "card":
        yield Backend.CUPY.namespace.asarray
        return
    monkeypatch.setattr(cuda, "kernel", cuda_emulator.kernel)
    for module in modules:
        monkeypatch.setattr(module, "_synchronize", lambda: None)
        if hasattr(module, "_address"):
            monkeypatch.setattr(module, "_address", lambda x: x.ctypes.data)
    yield np.asarray
