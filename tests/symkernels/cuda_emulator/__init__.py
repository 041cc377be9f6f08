"""Runs the package's CUDA sources on the CPU: g++ compiles them behind emulator.h, ctypes calls them.

`kernel` has the signature of `symkernels.cuda.kernel`, and what it returns is called as a CuPy kernel is, with NumPy
arrays. Every launch is made twice, its blocks and threads in ascending and in descending order, and both must leave the
same bits: a missing barrier shows. With SYMKERNELS_EMULATOR_SANITIZE=1 the compiler also checks every access.
"""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkernels import cuda

HERE = Path(__file__).parent
COMPILER = shutil.which("g++")
SANITIZE = os.environ.get("SYMKERNELS_EMULATOR_SANITIZE") == "1"
FLAGS = ["-std=c++20", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", f"-I{HERE}"]
FLAGS += ["-fno-strict-aliasing"]  # CUDA code reads floats as float4
FLAGS += ["-ffp-contract=off"]
SANITIZED = ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
SANITIZED += ["--param=asan-stack=0", "-Wno-clobbered"]  # stacks are switched by hand, which it does not follow
FLAGS += SANITIZED if SANITIZE else ["-O2"]

needs_compiler = pytest.mark.skipif(
    COMPILER is None, reason="CUDA SOURCES ARE NOT RUN: no g++ to emulate them with; install g++"
)


@cache
def _folder() -> Path:
    """Where libraries are kept, for other processes and later runs, too; `make clean` empties it."""
    path = HERE / "__pycache__"
    try:
        path.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError:
        path = Path(tempfile.mkdtemp(prefix="cuda-emulator-"))
        atexit.register(shutil.rmtree, path, ignore_errors=True)
        return path


@cache
def _compiler() -> str:
    """What else, besides the source and the flags, makes a library."""
    assert COMPILER is not None
    version = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True).stdout
    return version + (HERE / "emulator.h").read_text(encoding="utf-8")


@cache
def _library(name: str) -> tuple[ctypes.CDLL, frozenset[str]]:
    """``name``.cu as a shared library, and the names of its kernels."""
    assert COMPILER is not None
    text = f'#include "emulator.h"\n#line 1 "{name}.cu"\n{cuda.source(name)}'
    key = hashlib.sha256("\0".join([text, *FLAGS, _compiler()]).encode()).hexdigest()[:16]
    target = _folder() / f"{name}-{key}.so"
    if not target.exists():
        _compile(name, text, target)
    library = ctypes.CDLL(str(target))
    names = ctypes.c_char_p.in_dll(library, "kernels").value or b""
    return library, frozenset(names.decode().split())


def _compile(name: str, text: str, target: Path) -> None:
    """Make the library of a source, in a folder of its own: another process may be making the same one."""
    assert COMPILER is not None
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        _compile_in(Path(folder), name, text).replace(target)


def _compile_in(folder: Path, name: str, text: str) -> Path:
    assert COMPILER is not None
    written = folder / f"{name}.cu.cpp"
    written.write_text(text, encoding="utf-8")
    expanded = subprocess.run([COMPILER, "-E", "-P", *FLAGS, written], capture_output=True, text=True, check=True)
    names = sorted(set(re.findall(r'extern\s+"C"\s+__global__\s+void\s+(\w+)\s*\(', expanded.stdout)))
    launchers = "".join(
        f'extern "C" const char *signature_{f}() {{ return emulator::signature({f}); }}\n'
        f'extern "C" const char *launch_{f}(const unsigned *geometry, bool descending, void **pointers)\n'
        f"{{ return emulator::launch({f}, geometry, descending, pointers); }}\n"
        for f in names
    )
    launchers += (
        f'extern "C" {{ extern const char *const kernels; const char *const kernels = "{" ".join(names)}"; }}\n'
    )
    with written.open("a", encoding="utf-8") as file:
        file.write(f'#line 1 "launchers"\n{launchers}')
    made = folder / f"{name}.so"
    built = subprocess.run([COMPILER, *FLAGS, "-D__global__=", written, "-o", made], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return made


class Kernel:
    """One kernel, called as CuPy's: ``kernel(grid, block, arguments)``."""

    def __init__(self, name: str, function: str) -> None:
        library, names = _library(name)
        assert function in names, f"{name}.cu has no kernel {function}, only {sorted(names)}"
        self.name = function
        self._launch = getattr(library, f"launch_{function}")
        self._launch.restype = ctypes.c_char_p
        signature = getattr(library, f"signature_{function}")
        signature.restype = ctypes.c_char_p
        self.signature = signature().decode().split()

    def __call__(self, grid: Sequence[int], block: Sequence[int], arguments: Sequence[Any]) -> None:
        grid, block = (*grid, 1, 1)[:3], (*block, 1, 1)[:3]
        assert 1 <= grid[0] < 2**31, f"{self.name}: grid {grid}"
        assert all(1 <= size < 2**16 for size in grid[1:]), f"{self.name}: grid {grid}"
        geometry = (ctypes.c_uint * 6)(*grid, *block)
        given = [self._kind(argument) for argument in arguments]
        fits = [a == b or (a == "null" and b[0] == "*") for a, b in zip(given, self.signature, strict=True)]
        assert all(fits), f"{self.name}: the kernel takes {self.signature}, it was given {given}"
        values = [self._value(argument) for argument in arguments]
        pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))
        arrays = [argument for argument in arguments if isinstance(argument, np.ndarray)]
        before = [array.copy() for array in arrays]
        self._run(geometry, False, pointers)
        ascending = [array.copy() for array in arrays]
        for array, old in zip(arrays, before, strict=True):
            if array.flags.writeable:
                array[...] = old
        self._run(geometry, True, pointers)
        for i, (array, other) in enumerate(zip(arrays, ascending, strict=True)):
            assert array.tobytes() == other.tobytes(), f"{self.name}: array {i} depends on the order of the threads"

    def _run(self, geometry: Any, descending: bool, pointers: Any) -> None:
        failure = self._launch(geometry, ctypes.c_bool(descending), pointers).decode()
        assert not failure, f"{self.name}: {failure}"

    @staticmethod
    def _kind(argument: Any) -> str:
        if type(argument) is np.uint64 and argument == 0:
            return "null"
        if isinstance(argument, np.ndarray):
            assert argument.flags.c_contiguous, "CuPy passes bare pointers: the array must be contiguous"
            return f"*{argument.dtype.name}"
        assert isinstance(argument, np.generic), f"{argument!r} has no fixed width: pass cupy.int64(...)"
        return argument.dtype.name

    @staticmethod
    def _value(argument: Any) -> Any:
        if isinstance(argument, np.ndarray):
            return ctypes.c_void_p(argument.ctypes.data)
        return ctypes.create_string_buffer(argument.tobytes(), argument.dtype.itemsize)


@cache
def kernel(name: str, function: str) -> Kernel:
    """The kernel ``function`` of ``name``.cu, emulated."""
    return Kernel(name, function)
