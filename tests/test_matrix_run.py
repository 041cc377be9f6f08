"""``make test-matrix``: configurations that fail or cannot be had are counted, and no child process stays behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import matrix_run
from tests.matrix_run import CONFIGURATIONS, NoEffect, NotAvailable, Plan


def not_available(out: Path) -> Plan:
    raise NotAvailable("the processor has no X")


def no_effect(out: Path) -> Plan:
    raise NoEffect("X is still on")


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Configurations that take no time, and a file of tests in place of those of the kernels."""
    tests = tmp_path / "test_some.py"
    tests.write_text(
        "import os, pytest\n"
        "def test_good(): pass\n"
        "def test_variable(): assert os.environ['NUMBA_CACHE_DIR'].endswith('numba') and 'MARK' not in os.environ\n"
        "@pytest.mark.skip\n"
        "def test_skipped(): pass\n"
    )
    monkeypatch.setattr(matrix_run, "TESTS", str(tests))
    plans = {"plain": lambda out: Plan(), "marked": lambda out: Plan(variables={"MARK": "1"})}
    monkeypatch.setattr(matrix_run, "CONFIGURATIONS", {**plans, "absent": not_available, "idle": no_effect})
    return matrix_run.main


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("plain", 0, "passed .* 2 passed, 0 failed, 1 skipped"),
        ("marked", 1, "failed .* 1 passed, 1 failed, 1 skipped (pytest ended with 1)"),
        ("absent", 0, "NOT RUN .* the processor has no X"),
        ("idle", 1, "failed .* X is still on"),
    ],
)
def test_each_configuration_has_its_line(few, tmp_path, capfd, name, status, words):
    assert few([name, "--out", str(tmp_path), "--workers", "0"]) == status
    line, *rest = capfd.readouterr().out.splitlines()
    before, after = words.split(" .* ")
    assert line.startswith(f"{name:<11} {before}")
    assert after in line
    if name == "marked":
        assert rest[0].endswith("test_some.py::test_variable")
    counts = {outcome: int(outcome == before) for outcome in ("passed", "failed", "NOT RUN")}
    assert rest[-1] == ", ".join(f"{count} {outcome}" for outcome, count in counts.items())


def test_a_run_without_tests_has_failed(few, tmp_path, capfd):
    assert few(["plain", "--out", str(tmp_path), "--workers", "0", "--", "-k", "nothing_has_this_name"]) == 1
    assert "0 passed, 0 failed, 0 skipped (pytest ended with 5)" in capfd.readouterr().out


def test_an_unknown_configuration_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        matrix_run.main(["hasswell"])
    assert f"no configuration 'hasswell'; there are {', '.join(CONFIGURATIONS)}" in capsys.readouterr().err


def test_features_that_stay_on_are_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(matrix_run, "ask", lambda code, variables: {"on": ["A", "B"], "beyond": ["A"]})
    with pytest.raises(NoEffect, match=r"NPY_DISABLE_CPU_FEATURES='A' leaves \['A'\] on"):
        CONFIGURATIONS["numpy"](tmp_path)


def test_another_openblas_core_is_noticed(monkeypatch, tmp_path):
    monkeypatch.setattr(matrix_run, "ask", lambda code, variables: ["Zen"] if variables else {"on": ["AVX2"]})
    with pytest.raises(NoEffect, match=r"OPENBLAS_CORETYPE=Haswell gives \['Zen'\]"):
        CONFIGURATIONS["haswell"](tmp_path)
    with pytest.raises(NotAvailable, match="the processor has no AVX512_SKX"):
        CONFIGURATIONS["skylakex"](tmp_path)


def test_numba_compiles_for_any_processor(tmp_path):
    assert CONFIGURATIONS["generic"](tmp_path).variables == {"NUMBA_CPU_NAME": "generic"}


def test_the_running_python_needs_no_second_environment(tmp_path):
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert matrix_run.python(tmp_path, version).python == sys.executable
    with pytest.raises(NotAvailable, match=r"no python3\.2 on PATH"):
        matrix_run.python(tmp_path, "3.2")


def test_busy_processes_end_with_the_block_also_when_it_fails():
    kept = []

    def run():
        with matrix_run.busy_processes(2) as processes:
            kept.extend(processes)
            assert [process.poll() for process in processes] == [None, None]
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        run()
    assert len(kept) == 2
    assert all(process.returncode is not None for process in kept)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc")
def test_busy_processes_end_with_their_parent():
    code = "import os; from tests.matrix_run import busy_processes as busy\n"
    code += "with busy(1) as processes: print(processes[0].pid, flush=True); os._exit(0)"
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=matrix_run.ROOT, stdout=subprocess.PIPE, text=True, check=True
    ).stdout  # also waits for the busy process, which has the same output
    stat = Path(f"/proc/{int(out)}/stat")
    for _ in range(100):
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the busy process goes on")
