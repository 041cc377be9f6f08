"""BLAS through ``scipy.linalg.cython_blas``: unlike SciPy's Python wrappers, it lets other threads run meanwhile."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np


def _routine(name: str, n_arguments: int) -> Callable[..., None]:
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__[name]
    get_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))
    get_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    address = get_pointer(capsule, get_name(capsule))
    # CFUNCTYPE releases the interpreter lock for the length of the call.
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * n_arguments)(address)


@lru_cache(maxsize=1)
def _dsyrk() -> Callable[..., None]:
    return _routine("dsyrk", 10)


def _by_reference(value: Any) -> ctypes.c_void_p:
    return ctypes.cast(ctypes.pointer(value), ctypes.c_void_p)


def add_gram(U: np.ndarray, n_rows: int, S: np.ndarray) -> None:
    """Add the upper triangle of ``U[:n_rows].T @ U[:n_rows]`` to that of ``S``, in place.

    Both are C-ordered float64 with the same row length.
    """
    width = U.shape[1]
    n, k = ctypes.c_int(width), ctypes.c_int(n_rows)
    one = ctypes.c_double(1.0)
    # Fortran sees the transposes: U is (width, n_rows) there, and our upper triangle is its lower one.
    _dsyrk()(
        b"L", b"N", _by_reference(n), _by_reference(k), _by_reference(one), U.ctypes.data, _by_reference(n),
        _by_reference(one), S.ctypes.data, _by_reference(n),
    )  # fmt: skip
