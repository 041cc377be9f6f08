"""symjobs doctor: what was found, and what to install."""

from __future__ import annotations

import json
import platform
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from symjobs import _doctor
from symjobs._cli import main
from symkernels import _numba, _warm_up, compile_mode


def _report(capsys, *options):
    assert main(["doctor", *options]) == 0
    return capsys.readouterr().out


def test_it_names_what_there_is(capsys):
    report = _report(capsys)
    for word in (
        platform.python_version(),
        np.__version__,
        "threads",
        "BLAS",
        "Numba",
        "GPU",
        "CSV and Parquet  ",
        "pyarrow",
    ):
        assert word in report


def test_as_json(capsys):
    found = {finding["name"]: finding for finding in json.loads(_report(capsys, "--json"))}
    assert found["NumPy"]["found"] == np.__version__
    assert found["CSV and Parquet"]["found"].startswith("pyarrow ")


def test_what_is_missing_comes_with_a_remedy(monkeypatch):
    monkeypatch.setattr(_doctor.importlib.util, "find_spec", lambda name: None)
    found = {finding.name: finding for finding in _doctor.findings()}
    for extra in ("plot", "histogram", "postgresql"):
        assert found[f"extra {extra}"].remedy == f"pip install 'symjobs[{extra}]'"


def test_a_driver_without_cupy(monkeypatch):
    monkeypatch.setattr(_doctor, "_driver", lambda: "580.1")
    monkeypatch.setattr(_doctor.importlib.util, "find_spec", lambda name: None)
    driver, cupy = _doctor._gpu()
    assert driver.found == "580.1"
    assert "symjobs[gpu]" in cupy.remedy
    assert "symjobs[gpu13]" in cupy.remedy


def test_a_card(monkeypatch):
    runtime = SimpleNamespace(
        getDeviceCount=lambda: 1,
        getDeviceProperties=lambda i: {"name": b"NVIDIA H100", "totalGlobalMem": 80 << 30},
        runtimeGetVersion=lambda: 13000,
    )
    cupy = SimpleNamespace(__version__="14.2.0", cuda=SimpleNamespace(runtime=runtime))
    monkeypatch.setattr(_doctor, "_driver", lambda: "580.1")
    monkeypatch.setattr(_doctor.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    found = {finding.name: finding.found for finding in _doctor._gpu()}
    assert found["GPU 0"] == "NVIDIA H100, 80 GiB"
    assert found["projects"].startswith("type='auto' keeps them on the GPU")


@pytest.mark.parametrize("threads", ["3", "many"])
def test_threads_asked_for(monkeypatch, threads):
    from symkernels._parallel import thread_count

    thread_count.cache_clear()
    monkeypatch.setenv("SYMKERNELS_NUM_THREADS", threads)
    try:
        finding = _doctor._threads()
    finally:
        thread_count.cache_clear()
    assert threads in finding.found
    assert bool(finding.remedy) == (threads == "many")


def test_when_loops_are_compiled(capsys, monkeypatch):
    assert "loops are compiled at the first call (SYMKERNELS_COMPILE=now)" in _report(capsys)
    monkeypatch.setenv("SYMKERNELS_COMPILE", "soon")
    compile_mode.cache_clear()
    try:
        assert "SYMKERNELS_COMPILE is 'soon'; allowed are never, auto, now" in _report(capsys)
    finally:
        monkeypatch.undo()
        compile_mode.cache_clear()


def test_compile(capsys):
    assert main(["doctor", "--compile"]) == 0
    assert capsys.readouterr().out == "all loops are compiled\n"
    assert set(_numba.KERNELS) <= _numba._ready


def test_compile_without_numba(capsys, monkeypatch):
    monkeypatch.setattr(_warm_up, "compile_now", lambda kernel: None)
    monkeypatch.setattr(_warm_up, "numba_works", lambda: False)
    assert main(["doctor", "--compile"]) == 1
    assert "Numba does not work here" in capsys.readouterr().err
