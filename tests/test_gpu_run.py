"""``make gpu`` without a GPU: it says what is missing, keeps its limits, and leaves its output whatever happens."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests import gpu_run, gpu_smoke
from tests.gpu_run import ROOT, Step

MAKE = ["make", "--no-print-directory", "gpu", f"PYTHON={sys.executable}"]
# Without what `make test` was given: make hands its own variables and those of its command line on.
_OF_MAKE = {"ARGS", "PART", "OUT", "PYTHON", "SEED", "FULL", "WORKERS", "ONLY"}
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name not in _OF_MAKE and not name.startswith("MAKE")
}
BENCHMARKS = str(ROOT / "benchmarks")


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def make_gpu(tmp_path: Path) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [*MAKE, f"OUT={tmp_path / 'out'}"],
        cwd=ROOT,
        env={**ENVIRONMENT, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is installed")
def test_without_cupy_it_fails_with_one_line(tmp_path):
    found = make_gpu(tmp_path)
    assert found.returncode != 0
    assert found.stdout == ""
    ours = [line for line in found.stderr.splitlines() if "make gpu:" in line]
    assert ours == [
        "make gpu: CuPy is not installed: pip install 'symjobs[gpu]' for CUDA 12, 'symjobs[gpu13]' for CUDA 13"
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("def getDeviceCount(): return 0", "CuPy finds no CUDA device"),
        (
            "def getDeviceCount(): raise RuntimeError('cudaErrorInsufficientDriver')",
            "CuPy finds no CUDA device (cudaErrorInsufficientDriver)",
        ),
    ],
)
def test_without_a_card_it_fails_with_one_line(tmp_path, body, expected):
    (tmp_path / "cupy.py").write_text(f"class cuda:\n class runtime:\n  @staticmethod\n  {body}\n")
    found = make_gpu(tmp_path)
    assert found.returncode != 0
    assert f"make gpu: {expected}" in found.stderr.splitlines()


def test_a_part_that_is_none_is_refused(tmp_path):
    found = subprocess.run(
        [*MAKE, "PART=test", f"OUT={tmp_path}"], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert found.returncode != 0
    assert "invalid choice: 'test'" in found.stderr


def test_all_limits_make_eight_minutes(tmp_path):
    steps = gpu_run.steps(tmp_path)
    assert gpu_run.PREFLIGHT_SECONDS + sum(step.limit for step in steps) <= 480
    assert {step.part for step in steps} == set(gpu_run.PARTS)
    kinds = [step.part for step in steps]
    assert kinds == sorted(kinds, key=["all", "tests", "bench"].index)


def test_what_the_steps_name_is_there(tmp_path):
    paths = [
        word.removeprefix("--ignore=")
        for step in gpu_run.steps(tmp_path)
        for word in step.command
        if word.removeprefix("--ignore=").startswith(("tests/", "benchmarks/"))
    ]
    assert len(paths) > 8
    assert all((ROOT / path).exists() for path in paths)


def test_the_wheels_are_those_that_the_machine_lacks():
    names = [line for line in (ROOT / "tests" / "gpu-wheels.txt").read_text().splitlines() if line[0] != "#"]
    packages = [name.split("-")[0] for name in names]
    assert packages == ["array_api_compat", "array_api_strict", "datasketches", "libspot", "msgspec", "sqlalchemy"]
    assert all(name.endswith(("none-any.whl", "x86_64.whl")) for name in names)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_step_that_hangs_costs_that_step_only(tmp_path, capfd):
    hang = "sleep 60 & echo child $!; printf 'dots ...'; wait"  # a shell starts within its limit on a busy machine, too
    todo = [
        Step("good", "all", 20, python("print('all is well')")),
        Step("hangs", "tests", 2.0, ["sh", "-c", hang]),
        Step("fails", "tests", 20, python("import sys; sys.exit('it went wrong')")),
        Step("absent", "tests", 20, ["no-such-tool"]),
        Step("last", "bench", 20, python("import os; print(os.environ['PYTHONPATH'], os.environ['CUPY_CACHE_DIR'])")),
    ]
    start = time.monotonic()
    assert not gpu_run.run(todo, tmp_path)
    assert time.monotonic() - start < 20
    outcomes = {line["step"]: line["outcome"] for line in lines(tmp_path / "steps.jsonl")}
    assert outcomes == {
        "good": "passed",
        "hangs": "over its limit",
        "fails": "failed",
        "absent": "not run",
        "last": "passed",
    }
    text = (tmp_path / "log.txt").read_text()
    assert capfd.readouterr().out == text
    for words in ("all is well", "dots ...", "it went wrong", "no-such-tool is not installed", str(ROOT / "kernels")):
        assert words in text
    number = int(text.split("child ")[1].split()[0])
    stat = Path(f"/proc/{number}/stat")  # what the step had started has ended with it
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_step_of_pytest_that_finds_no_test_has_not_passed(tmp_path):
    command = gpu_run._pytest(tmp_path, ["tests/test_gpu_run.py"])  # none of these is marked gpu
    assert not gpu_run.run([Step("empty", "tests", 60, command)], tmp_path)
    assert lines(tmp_path / "steps.jsonl")[0]["outcome"] == "no tests"


def test_outcomes_are_written_as_tests_end(tmp_path):
    (tmp_path / "test_some.py").write_text(
        "import os, pytest\n"
        "pytestmark = pytest.mark.gpu\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2, 'one is not two'\n"
        "def test_crash(): os._exit(7)\n"
    )
    command = gpu_run._pytest(tmp_path, [str(tmp_path / "test_some.py")])
    assert not gpu_run.run([Step("crash", "tests", 60, command)], tmp_path)
    good, bad = lines(tmp_path / "tests.jsonl")
    assert (good["outcome"], bad["outcome"]) == ("passed", "failed")
    assert "one is not two" in bad["message"]
    assert "test_bad: AssertionError: one is not two" in (tmp_path / "log.txt").read_text()


def test_the_smoke_checks_hold_for_numpy(capsys):
    assert gpu_smoke.run(np, list(gpu_smoke.CHECKS)) == []
    assert capsys.readouterr().out.count("ok    ") == len(gpu_smoke.CHECKS)


def test_a_smoke_check_that_fails_is_named(monkeypatch, capsys):
    def broken(xp):
        raise ValueError("not what it was\nsecond line")

    monkeypatch.setitem(gpu_smoke.CHECKS, "gram", broken)
    assert gpu_smoke.run(np, ["gram", "learn"]) == ["gram"]
    assert "FAIL  gram: ValueError: not what it was (" in capsys.readouterr().out


# The benchmarks.


def test_every_row_runs_with_numpy(tmp_path):
    """The rows' code at sizes of a thousandth, with NumPy in CuPy's place."""
    file = tmp_path / "bench.jsonl"
    code = (
        f"import sys; sys.path.insert(0, {BENCHMARKS!r}); import bench_gpu, numpy\n"
        f"options = bench_gpu.parse(['--quick', '--repeats=1', '--threads=1', '--json', {str(file)!r}])\n"
        "bench_gpu.measure(options, numpy, None, 4000)\n"
    )
    found = subprocess.run(python(code), cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    rows = lines(file)
    assert len(rows) == 15  # 11 rows, of which Gram matrices make five lines
    assert {row["benchmark"] for row in rows} == {"gpu"}
    assert all(timing["error"] is None and timing["median"] > 0 for row in rows for timing in row["seconds"].values())


@pytest.fixture
def bench_gpu(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("bench_gpu")


ROWS = """
import sys, time
for row in sys.argv[1:]:
    print("== row", row, flush=True)
    if row == "hangs": time.sleep(60)
    if row == "fails": sys.exit("an illegal memory access")
    print("measured", row, flush=True)
"""


def test_a_row_that_hangs_or_fails_costs_that_row_only(bench_gpu, tmp_path, capfd):
    options = bench_gpu.parse([f"--json={tmp_path / 'bench.jsonl'}"])
    limits = {"first": 20.0, "hangs": 1.0, "second": 20.0, "fails": 20.0, "third": 20.0}
    assert bench_gpu.supervise(options, python(ROWS), limits) == 2
    out = capfd.readouterr().out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("measured")] == ["first", "second", "third"]
    assert {line["row"]: line["error"] for line in lines(tmp_path / "bench.jsonl")} == {
        "hangs": "over its limit of 1 s",
        "fails": "exit 1: an illegal memory access",
    }


def test_no_row_starts_after_the_time_for_all(bench_gpu, tmp_path):
    options = bench_gpu.parse(["--seconds=0.5", f"--json={tmp_path / 'bench.jsonl'}"])
    assert bench_gpu.supervise(options, python(ROWS), {"hangs": 1.5, "second": 20.0, "third": 20.0}) == 3
    assert [line["error"] for line in lines(tmp_path / "bench.jsonl")] == [
        "over its limit of 1.5 s",
        "not started: 0.5 s were over",
        "not started: 0.5 s were over",
    ]


def test_without_a_card_the_benchmark_says_so(bench_gpu, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(sys, "argv", ["bench_gpu.py"])
    assert bench_gpu.main() == 0  # `make bench` goes on with the next script
    assert "NOT MEASURED: CuPy is not installed" in capsys.readouterr().out
