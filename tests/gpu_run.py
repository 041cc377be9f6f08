"""What ``make gpu`` runs on a machine with an NVIDIA GPU: a smoke test, the tests marked ``gpu``, the GPU benchmarks.

    python tests/gpu_run.py [all | tests | bench] [--out FOLDER]

It uses the Python that it is started with and installs nothing. Each step has a time limit of its own, so that one that
hangs costs no other. The limits add up to eight minutes. Everything printed goes to ``log.txt`` in the folder too.
``steps.jsonl`` has one line of JSON a step, ``tests.jsonl`` one a test, ``bench.jsonl`` one a row of a benchmark.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("all", "tests", "bench")
PREFLIGHT_SECONDS = 15
NEEDED = ("numpy", "scipy", "numba", "cupy", "pytest", "array_api_compat", "array_api_strict", "msgspec", "sqlalchemy")
NEEDED += ("safetensors", "threadpoolctl", "datasketches", "hypothesis", "pandas")
_GRACE = 3.0  # seconds from the request to end to the kill
_WORKERS = 6


@dataclass(frozen=True)
class Step:
    """A command, its time limit in seconds, and the part that it belongs to (``all``: every part)."""

    name: str
    part: str
    limit: float
    command: Sequence[str]


def steps(out: Path, *, quick: bool = False) -> list[Step]:
    """Return all steps, in the order in which they run; ``quick``: benchmarks with small sizes."""
    python = sys.executable
    smoke = [python, "tests/gpu_smoke.py"]
    kernels = "tests/symkernels"
    first = [f"{kernels}/test_kmeans_cuda.py", f"{kernels}/test_silhouette_cuda.py"]
    shapes = f"{kernels}/test_gpu_shapes.py"
    rest = [kernels, *(f"--ignore={path}" for path in (*first, shapes))]
    projects = ["tests/symjobs/project/test_gpu.py", "tests/symjobs/jobs/test_kmeans_job_gpu.py"]
    bench = [python, "benchmarks/bench_gpu.py", "--json", str(out / "bench.jsonl"), *["--quick"] * quick]
    sanitizer = ["compute-sanitizer", "--error-exitcode", "9", "--tool"]
    return [
        Step("machine", "all", 15, ["nvidia-smi"]),
        Step("doctor", "all", 10, [python, "-m", "symjobs", "doctor"]),
        Step("smoke", "all", 45, smoke),
        Step("CUDA kernels", "tests", 45, _pytest(out, first)),
        Step("kernels", "tests", 80, _pytest(out, rest, parallel=True)),
        Step("projects and jobs", "tests", 35, _pytest(out, projects, parallel=True)),
        Step("awkward shapes", "tests", 25, _pytest(out, [shapes])),
        Step("racecheck", "tests", 15, [*sanitizer, "racecheck", *smoke, "small"]),
        Step("memcheck", "tests", 15, [*sanitizer, "memcheck", *smoke, "small"]),
        Step("benchmarks", "bench", 180, bench),
    ]


def _pytest(out: Path, paths: Sequence[str], *, parallel: bool = False) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "--import-mode=importlib"]
    command += ["-W", "ignore::pytest.PytestUnknownMarkWarning", "-p", "no:cacheprovider", "-m", "gpu", "-q"]
    command += ["--tb=short", "--maxfail=25", "--durations=8"]
    command += ["-p", "tests._json_lines", "--json-lines", str(out / "tests.jsonl")]
    if importlib.util.find_spec("pytest_timeout"):
        command += ["--timeout=30"]
    if parallel and importlib.util.find_spec("xdist"):
        command += ["-n", str(min(_WORKERS, os.cpu_count() or 1))]
    return [*command, *paths]


def environment() -> dict[str, str]:
    """Return the environment of every step: the checkout before what is installed, caches in the checkout."""
    path = [ROOT / ".site"] if (ROOT / ".site").is_dir() else []
    path += [ROOT, ROOT / "kernels", *filter(None, [os.environ.get("PYTHONPATH")])]
    given = dict(os.environ)
    given.setdefault("CUPY_CACHE_DIR", str(ROOT / ".cupy"))
    return {**given, "PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONUNBUFFERED": "1"}


_PREFLIGHT = f"""
import importlib.util, sys
missing = [name for name in {NEEDED} if importlib.util.find_spec(name) is None]
if "cupy" in missing:
    sys.exit("CuPy is not installed: pip install 'symjobs[gpu]' for CUDA 12, 'symjobs[gpu13]' for CUDA 13")
import cupy
try:
    count = cupy.cuda.runtime.getDeviceCount()
except Exception as error:
    sys.exit(f"CuPy finds no CUDA device ({{error}})")
if not count:
    sys.exit("CuPy finds no CUDA device")
if missing:
    sys.exit(f"not installed: {{', '.join(missing)}}; tests/gpu-wheels.txt says how to bring wheels along")
"""


def problem() -> str | None:
    """Return why nothing can run here, or None."""
    try:
        found = subprocess.run(
            [sys.executable, "-c", _PREFLIGHT],
            cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=PREFLIGHT_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"CuPy does not find a CUDA device within {PREFLIGHT_SECONDS} s"
    return None if found.returncode == 0 else (found.stderr.strip().rpartition("\n")[2] or f"exit {found.returncode}")


class Log:
    """Prints text and appends it to a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        self._file.write(text)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def run_step(step: Step, log: Log) -> dict[str, object]:
    """Run one step and return what is to be said of it; its whole process group ends with it."""
    log.write(f"\n== {step.name} (at most {step.limit:g} s)\n")
    result: dict[str, object] = {"step": step.name, "limit": step.limit}
    if shutil.which(step.command[0]) is None:
        log.write(f"NOT RUN: {step.command[0]} is not installed\n")
        return {**result, "outcome": "not run", "seconds": 0.0}
    start = time.monotonic()
    process = subprocess.Popen(
        step.command, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    reader = threading.Thread(target=_copy, args=(process, log), daemon=True)
    reader.start()
    try:
        code = process.wait(step.limit)
        outcome = "passed" if code == 0 else "no tests" if code == 5 and "pytest" in step.command else "failed"
    except subprocess.TimeoutExpired:
        code, outcome = None, "over its limit"
        _end(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    finally:
        _end(process, signal.SIGKILL)  # what it started, too
        process.wait()
    reader.join(_GRACE)
    if process.stdout is not None and not reader.is_alive():
        process.stdout.close()
    seconds = time.monotonic() - start
    log.write(f"-- {step.name}: {outcome}, {seconds:.1f} s\n")
    return {**result, "outcome": outcome, "code": code, "seconds": round(seconds, 2)}


def _copy(process: subprocess.Popen[bytes], log: Log) -> None:
    assert process.stdout is not None
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while piece := os.read(process.stdout.fileno(), 2**16):  # not by lines: a row of dots shows where a test hangs
        log.write(decoder.decode(piece))


def _end(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def run(todo: Sequence[Step], out: Path) -> bool:
    """Run steps, write ``log.txt`` and ``steps.jsonl``, and return whether none failed."""
    log, results = Log(out / "log.txt"), []
    try:
        for step in todo:
            result = run_step(step, log)
            results.append(result)
            with (out / "steps.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
        log.write("\n" + "".join(f"{r['outcome']:>14}  {r['seconds']:6.1f} s  {r['step']}\n" for r in results))
        log.write(f"everything is in {out}\n")
    finally:
        log.close()
    return all(result["outcome"] in ("passed", "not run") for result in results)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="tests and benchmarks on an NVIDIA GPU")
    parser.add_argument("part", nargs="?", choices=PARTS, default="all")
    parser.add_argument("--out", type=Path, default=ROOT / "symjobs-run" / "gpu", help="folder of the log and the JSON")
    parser.add_argument("--quick", action="store_true", help="benchmarks with small sizes, to see that they run")
    options = parser.parse_args(arguments)
    trouble = problem()
    if trouble is not None:
        print(f"make gpu: {trouble}", file=sys.stderr)
        return 2
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for old in ("log.txt", "steps.jsonl", "tests.jsonl", "bench.jsonl"):
        (out / old).unlink(missing_ok=True)
    todo = [
        step for step in steps(out, quick=options.quick) if options.part == "all" or step.part in ("all", options.part)
    ]
    return 0 if run(todo, out) else 1


if __name__ == "__main__":
    sys.exit(main())
