"""Where a project's moments are: on the CPU with NumPy, or on a GPU with CuPy. There is no silent fallback."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np

from symjobs._errors import InputError, MissingDependency, ProjectError
from symkernels import Columns, Moments

KINDS = ("auto", "cpu", "gpu")


@dataclass(frozen=True, slots=True)
class Backend:
    """``name`` is ``numpy`` or ``cupy``."""

    name: str

    @property
    def kind(self) -> str:
        return "cpu" if self.name == "numpy" else "gpu"

    def put(self, array: Any) -> Any:
        """Return an array where the moments are; nothing is copied if it is there already."""
        if self.name == "numpy":
            return self.get(array)
        import cupy

        return cupy.asarray(array)

    def to_backend(self, moments: Moments) -> Moments:
        """Return moments on this backend; nothing is copied if they are there already."""
        return moments if moments.backend == self.name else moments.to(self.put(np.empty(0)))

    @staticmethod
    def get(array: Any) -> Any:
        """Return an array, or Columns, in the memory of the host."""
        return array if isinstance(array, np.ndarray | Columns) else array.get()


CPU = Backend("numpy")


def check_kind(kind: str) -> None:
    """Raise InputError unless kind is one of `KINDS`."""
    if kind not in KINDS:
        raise InputError(f"unknown project type {kind!r}; allowed are {', '.join(KINDS)}")


def choose(kind: str) -> Backend:
    """Return the backend for ``auto``, ``cpu`` or ``gpu``.

    Raises
    ------
    InputError
        For another kind.
    MissingDependency
        If a GPU is asked for and CuPy is not installed.
    ProjectError
        If a GPU is asked for and CuPy finds none.
    """
    check_kind(kind)
    if kind == "cpu" or (kind == "auto" and importlib.util.find_spec("cupy") is None):
        return CPU
    problem = _gpu_problem()
    if problem is None:
        return Backend("cupy")
    if kind == "auto":
        return CPU
    raise ProjectError(
        f"type='gpu' needs a CUDA device, and CuPy finds none ({problem}); see `symjobs doctor`, or use type='cpu'"
    )


def _gpu_problem() -> str | None:
    try:
        import cupy
    except ImportError as error:
        if importlib.util.find_spec("cupy") is None:
            raise MissingDependency("cupy", "gpu", "type='gpu'") from None
        return str(error)
    try:
        return None if cupy.cuda.runtime.getDeviceCount() else "no device"
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return str(error)
