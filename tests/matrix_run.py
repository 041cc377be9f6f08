"""What ``make test-matrix`` runs: the kernel tests, once per configuration of processor, libraries and Python.

    python tests/matrix_run.py [NAME ...] [--out FOLDER] [--workers N] [-- ARGUMENTS OF PYTEST]

The last digits of floating-point results differ between processors. A configuration makes this machine compute as
another one does, and a child process checks that the setting has its effect. One line is printed for each configuration
as it ends. A configuration that this machine cannot have is NOT RUN, and counted. The exit status is 1 if one fails.
FOLDER gets the output of pytest and, apart for each configuration, the code that Numba compiles.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TESTS = "tests/symkernels"
_SHOWN = 20  # failed tests that are named below the line of a configuration
# Only configurations set these: values from outside would change what is tested.
_OURS = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES")


class NotAvailable(Exception):
    """This machine cannot have the configuration."""


class NoEffect(Exception):
    """The configuration was set, but does not compute as it should."""


@dataclass(frozen=True)
class Plan:
    """How to run the tests: a Python, environment variables to add, and how many busy processes run beside them."""

    python: str = sys.executable
    variables: Mapping[str, str] = field(default_factory=dict)
    busy: int = 0


# --- what a child process says ----------------------------------------------------------------------------------------

_NUMBA_CPU = """
from numba.core.registry import cpu_target
codegen = cpu_target.target_context.codegen()
answer = [codegen._get_host_cpu_name(), codegen._get_host_cpu_features()]
"""
_NUMPY_FEATURES = """
try:
    from numpy._core import _multiarray_umath as core
except ImportError:  # NumPy 1
    from numpy.core import _multiarray_umath as core
on = [name for name, is_on in core.__cpu_features__.items() if is_on]
answer = {"on": on, "beyond": [name for name in core.__cpu_dispatch__ if name in on]}
"""
_OPENBLAS = """
import numpy, scipy.linalg, threadpoolctl
answer = [info["architecture"] for info in threadpoolctl.threadpool_info() if info["internal_api"] == "openblas"]
"""


def ask(code: str, variables: Mapping[str, str]) -> Any:
    """Return the ``answer`` of Python code that a child process runs with environment variables."""
    child = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json\nprint(json.dumps(answer))"],
        env=environment(variables), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if child.returncode != 0:
        raise NoEffect(f"a child process failed: {child.stderr.strip().rpartition(chr(10))[2]}")
    return json.loads(child.stdout.splitlines()[-1])


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child process, without what an outer make exports for inner ones."""
    given = {name: value for name, value in os.environ.items() if name not in _OURS and not name.startswith("MAKE")}
    return {**given, **variables}


# --- the configurations -----------------------------------------------------------------------------------------------


def generic(out: Path) -> Plan:
    """Numba compiles for any x86-64: no FMA, vectors of 16 bytes."""
    variables = {"NUMBA_CPU_NAME": "generic"}
    name, features = ask(_NUMBA_CPU, variables)
    if (name, features) != ("generic", ""):
        raise NoEffect(f"Numba compiles for {name!r} with features {features!r}")
    return Plan(variables=variables)


def numpy(out: Path) -> Plan:
    """NumPy uses the loops of its baseline only."""
    beyond = ask(_NUMPY_FEATURES, {})["beyond"]
    if not beyond:
        raise NotAvailable("NumPy has no CPU features enabled beyond its baseline")
    variables = {"NPY_DISABLE_CPU_FEATURES": " ".join(beyond)}
    still = sorted(set(beyond) & set(ask(_NUMPY_FEATURES, variables)["on"]))
    if still:
        raise NoEffect(f"NPY_DISABLE_CPU_FEATURES={variables['NPY_DISABLE_CPU_FEATURES']!r} leaves {still} on")
    return Plan(variables=variables)


def openblas(out: Path, core: str, feature: str) -> Plan:
    """OpenBLAS, in NumPy and in SciPy, uses the loops for ``core``, which need NumPy's ``feature``."""
    if feature not in ask(_NUMPY_FEATURES, {})["on"]:
        raise NotAvailable(f"the processor has no {feature}")
    variables = {"OPENBLAS_CORETYPE": core}
    found = set(ask(_OPENBLAS, variables))
    if not found:
        raise NotAvailable("neither NumPy nor SciPy uses OpenBLAS")
    if {name.lower() for name in found} != {core.lower()}:
        raise NoEffect(f"OPENBLAS_CORETYPE={core} gives {sorted(found)}")
    return Plan(variables=variables)


def python(out: Path, version: str) -> Plan:
    """Another Python, in a virtual environment of its own, where the running one is of another version."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Plan()
    base = find_python(version)
    if base is None:
        raise NotAvailable(f"no python{version} on PATH or in pyenv")
    venv, log = f".venv-{version}", out / "install.txt"
    with log.open("wb") as file:
        made = subprocess.run(
            ["make", f"PYTHON={base}", f"VENV={venv}", f"{venv}/.dev"],
            cwd=ROOT, env=environment({}), stdout=file, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if made.returncode != 0:
        raise NotAvailable(f"installing the package into {venv} failed; {log} says why")
    return Plan(python=str(ROOT / venv / "bin" / "python"))


def find_python(version: str) -> str | None:
    """Return the path of a Python that runs: from PATH (where pyenv may have shims that do not), else from pyenv."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    found = [shutil.which(f"python{version}", path=folder) for folder in folders]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found += map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True))
    check = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != {version!r})"
    for path in filter(None, found):
        if subprocess.run([path, "-c", check], capture_output=True, check=False).returncode == 0:
            return path
    return None


def loaded(out: Path) -> Plan:
    """Other work keeps every core busy."""
    return Plan(busy=os.cpu_count() or 1)


CONFIGURATIONS: dict[str, Callable[[Path], Plan]] = {
    "generic": generic,
    "numpy": numpy,
    "haswell": functools.partial(openblas, core="Haswell", feature="AVX2"),
    "skylakex": functools.partial(openblas, core="SkylakeX", feature="AVX512_SKX"),
    "python3.11": functools.partial(python, version="3.11"),
    "python3.13": functools.partial(python, version="3.13"),
    "loaded": loaded,
}


# --- running them -----------------------------------------------------------------------------------------------------

_BUSY = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    sum(range(10**5))\n"


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Keep ``count`` cores busy. The processes end with the block, or with this process, whatever happens."""
    with contextlib.ExitStack() as stack:
        processes = []
        for _ in range(count):
            process = subprocess.Popen([sys.executable, "-c", _BUSY, str(os.getpid())])
            stack.callback(process.wait)
            stack.callback(process.kill)  # called before `wait`
            processes.append(process)
        yield processes


def run_tests(plan: Plan, out: Path, arguments: Sequence[str], workers: int) -> tuple[int, list[dict[str, Any]]]:
    """Run pytest; return its exit status and a record of each test. Its output goes to ``log.txt``."""
    records = out / "tests.jsonl"
    records.unlink(missing_ok=True)
    command = [plan.python, "-m", "pytest", "-p", "no:cacheprovider", "-n", str(workers), "--dist", "worksteal"]
    command += ["-p", "tests._json_lines", "--json-lines", str(records), TESTS]
    variables = {"NUMBA_CACHE_DIR": str(out / "numba"), **plan.variables}
    with busy_processes(plan.busy), (out / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [*command, *arguments], cwd=ROOT, env=environment(variables), stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the workers of pytest-xdist, too
            process.wait()
    lines = records.read_text(encoding="utf-8").splitlines() if records.exists() else []
    return status, [json.loads(line) for line in lines]


def run(name: str, out: Path, arguments: Sequence[str], workers: int) -> str:
    """Run one configuration, print its line, and return "passed", "failed" or "NOT RUN"."""
    start = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    try:
        status, records = run_tests(CONFIGURATIONS[name](out), out, arguments, workers)
    except NotAvailable as error:
        outcome, what = "NOT RUN", str(error)
    except NoEffect as error:
        outcome, what = "failed", str(error)
    else:
        outcome = "passed" if status == 0 else "failed"
        counts = Counter(record["outcome"] for record in records)
        failed = [record["test"] for record in records if record["outcome"] not in ("passed", "skipped")]
        what = f"{counts['passed']} passed, {len(failed)} failed, {counts['skipped']} skipped"
        if outcome == "failed":
            what += f" (pytest ended with {status}); {out / 'log.txt'}"
    print(f"{name:<11} {outcome:<8} {time.monotonic() - start:6.0f} s  {what}", flush=True)
    for test in failed[:_SHOWN]:
        print(f"            {test}", flush=True)
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    ours, theirs = (given[: given.index("--")], given[given.index("--") + 1 :]) if "--" in given else (given, [])
    parser = argparse.ArgumentParser(description="the kernel tests, once per configuration")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CONFIGURATIONS)}; default: all")
    parser.add_argument("--out", type=Path, default=ROOT / "symjobs-run" / "matrix", help="folder of logs and caches")
    parser.add_argument("--workers", type=int, default=2, help="processes that share the tests")
    options = parser.parse_args(ours)
    for name in options.names:
        if name not in CONFIGURATIONS:
            parser.error(f"no configuration {name!r}; there are {', '.join(CONFIGURATIONS)}")
    names, out = options.names or list(CONFIGURATIONS), options.out.resolve()
    outcomes = Counter(run(name, out / name, theirs, options.workers) for name in names)
    print(", ".join(f"{outcomes[outcome]} {outcome}" for outcome in ("passed", "failed", "NOT RUN")), flush=True)
    return 1 if outcomes["failed"] else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that every child process is ended
    sys.exit(main())
