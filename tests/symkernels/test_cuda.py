"""CUDA sources compile for the cards we support; NVRTC needs no driver."""

from __future__ import annotations

from importlib.resources import files

import pytest

from symkernels import cuda

pytestmark = pytest.mark.no_numba

SOURCES = sorted(path.name.removesuffix(".cu") for path in files(cuda).iterdir() if path.name.endswith(".cu"))


def test_there_are_sources() -> None:
    assert "column_sums" in SOURCES


@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize("name", SOURCES)
def test_sources_compile(name: str, architecture: str) -> None:
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc")

    def check(status: object, *values: object) -> object:
        assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, status
        return values[0] if values else None

    program = check(*nvrtc.nvrtcCreateProgram(cuda.source(name).encode(), f"{name}.cu".encode(), 0, [], []))
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
    (status,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
    size = check(*nvrtc.nvrtcGetProgramLogSize(program))
    # NVRTC writes into the bytes. The log of a good program is one zero byte, and CPython shares objects of one byte:
    # b" " * 1 would be the b" " of the whole process.
    log = bytes(size + 1)  # type: ignore[operator]
    nvrtc.nvrtcGetProgramLog(program, log)
    assert int.from_bytes(b" ") == 32, "the constant was overwritten"
    assert status == nvrtc.nvrtcResult.NVRTC_SUCCESS, log.decode()
    assert log.strip(b" \0\n") == b"", log.decode()  # no warnings either
    assert check(*nvrtc.nvrtcGetCUBINSize(program)) > 0  # type: ignore[operator]


@pytest.mark.parametrize("name", SOURCES)
def test_every_kernel_has_a_plain_name(name: str) -> None:
    """CuPy finds kernels by name, so they are ``extern "C"``."""
    text = cuda.source(name)
    assert text.count("__global__") == text.count('extern "C" __global__')
