"""What every benchmark here shares: interleaved timing, the state of the machine, a table, and JSON lines.

A benchmark script has five steps::

    options = harness.arguments("PCA and VIF")          # --json, --repeats, --threads, --quick, --seed
    with harness.threads(options.threads):
        harness.require(..., "the answer differs from NumPy's")      # right before fast
        timings = harness.interleave({"ours": f, "numpy": Case(g, setup=fresh)}, repeats=options.repeats)
        report = harness.Report("pca_vif", options)
        report.add("pca, p = 1,000", timings, ours="ours", peer="numpy", target="<= 1.1")
        report.finish()                                  # prints the tables, appends to --json

Peers are run in turn, one round after another, so that a slow spell of the machine hits all of them alike; only ratios
of medians taken in one round-robin should be compared.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import threadpoolctl

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "ARROW_NUM_THREADS",
    "SYMKERNELS_NUM_THREADS",
)
VERSIONED = (
    "numpy",
    "scipy",
    "numba",
    "array-api-compat",
    "cupy-cuda12x",
    "cupy-cuda13x",
    "torch",
    "scikit-learn",
    "scikit-learn-intelex",
    "faiss-cpu",
    "pyspark",
    "river",
    "batchstats",
    "pandas",
    "polars",
    "pyarrow",
    "statsmodels",
    "pyod",
    "libspot",
)
_SHORT = 1.0  # seconds
os.environ.setdefault("SYMKERNELS_COMPILE", "now")  # no run is timed before the loops are compiled
BUSY_SHARE = 0.10  # of all cores, used by others: above it a timing is not to be trusted


@dataclass(frozen=True)
class Case:
    """One thing to time: ``run(setup())`` if there is a setup, whose own time is not counted, else ``run()``."""

    run: Callable[..., object]
    setup: Callable[[], object] | None = None


@dataclass(frozen=True)
class Timing:
    """The times of one case in seconds; all None, with the reason in ``error``, when the case could not be run.

    ``protocol`` says in words how they were taken; empty for a number that was not measured, such as a limit.
    """

    name: str
    times: tuple[float, ...] = ()
    error: str | None = None
    protocol: str = ""

    @property
    def median(self) -> float | None:
        return statistics.median(self.times) if self.times else None

    @property
    def best(self) -> float | None:
        return min(self.times) if self.times else None

    @property
    def spread(self) -> float | None:
        """Interquartile range over the median (the whole range when there are fewer than four times)."""
        if not self.times or not self.median:
            return None
        if len(self.times) < 4:
            return (max(self.times) - min(self.times)) / self.median
        low, _, high = statistics.quantiles(self.times, n=4)
        return (high - low) / self.median


def interleave(
    cases: Mapping[str, Callable[[], object] | Case],
    *,
    repeats: int = 7,
    warmup: int = 1,
    once_over: float = 10.0,
    synchronize: Callable[[], object] | None = None,
    settle: float | None = None,
    budget: float | None = None,
) -> dict[str, Timing]:
    """Time the cases in turn, ``repeats`` rounds, and return a `Timing` for each.

    A case that raises is left out from then on and its timing says why. One that lasts over ``once_over`` seconds
    is not repeated. Before each, ``settle`` seconds pass (0.2, and none with ``--quick``), as the threads of a BLAS
    spin for some time after its last call and would take a core from whatever comes next; then a short case is run once
    untimed, so that it is timed in its stride. ``synchronize`` (``cupy.cuda.Device().synchronize``) waits for a device
    before a clock is read. No timed round but the first starts once ``budget`` seconds have passed.
    """
    begun = time.perf_counter()
    settle = _Parser.settle if settle is None else settle
    wait = synchronize or (lambda: None)
    times: dict[str, list[float]] = {name: [] for name in cases}
    errors: dict[str, str] = {}
    slow: set[str] = set()
    for round_ in range(-warmup, repeats):
        if round_ > 0 and budget is not None and time.perf_counter() - begun > budget:
            break
        for name, case in cases.items():
            if name in errors or name in slow:
                continue
            time.sleep(settle)
            try:
                if times[name] and times[name][-1] < _SHORT:
                    _clock(case if isinstance(case, Case) else Case(case), wait)
                seconds = _clock(case if isinstance(case, Case) else Case(case), wait)
            except Exception as error:  # noqa: BLE001  a peer may fail in any way; the table says how
                errors[name] = f"{type(error).__name__}: {error}"
                continue
            if seconds > once_over:
                slow.add(name)
            if round_ >= 0 or name in slow:
                times[name].append(seconds)
    protocol = f"in turn, after a pause of {settle:g} s, and an untimed run if it takes less than {_SHORT:g} s"
    return {
        name: Timing(name, () if name in errors else tuple(times[name]), errors.get(name), protocol) for name in cases
    }


def _clock(case: Case, wait: Callable[[], object]) -> float:
    arguments = () if case.setup is None else (case.setup(),)
    collecting = gc.isenabled()
    gc.disable()
    try:
        wait()
        start = time.perf_counter()
        result = case.run(*arguments)
        wait()
        seconds = time.perf_counter() - start
    finally:
        if collecting:
            gc.enable()
    del result, arguments  # freed outside the timed part
    return seconds


@contextlib.contextmanager
def earlier_kernels(revision: str) -> Iterator[Any]:
    """Check out an earlier revision beside this one, and import its symkernels under another name.

    Both versions are then in one process, so that their times can be taken in turn.
    """
    root, name = Path(__file__).parents[1], "symkernels_before"
    with tempfile.TemporaryDirectory() as folder:
        git = ["git", "-C", str(root), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", folder, revision], check=True)
        try:
            package = Path(folder) / "kernels" / "symkernels"
            spec = importlib.util.spec_from_file_location(name, package / "__init__.py")
            require(spec is not None and spec.loader is not None, f"no symkernels in {revision}")
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            yield module
        finally:
            subprocess.run([*git, "remove", "--force", folder], check=True)


def require(condition: object, message: str) -> None:
    """Stop the benchmark unless ``condition`` holds: a wrong answer is not timed."""
    if not condition:
        sys.exit(f"benchmark stopped, the answers are wrong: {message}")


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Let no library use more than ``count`` threads: loaded ones by threadpoolctl, later ones by environment."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(count)
    with threadpoolctl.threadpool_limits(limits=count):
        yield


def dsyrk(size: int = 4096) -> tuple[Case, float]:
    """The machine's DSYRK on a large square case, to time beside ours, and its flops (counted n p (p + 1))."""
    import numpy as np
    from scipy.linalg.blas import dsyrk as routine

    A = np.asfortranarray(np.random.default_rng(0).standard_normal((size, size)))
    C = np.zeros((size, size), order="F")
    return Case(lambda: routine(1.0, A, beta=0.0, c=C, overwrite_c=1)), float(size) * size * (size + 1)


# --- the machine -----------------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, memory, BLAS, versions, commit, and the GPU where CuPy is loaded."""
    facts: dict[str, Any] = {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": _versions(),
        "blas": sorted(
            f"{pool['internal_api']} {pool.get('version')} {pool.get('architecture')} x{pool['num_threads']}"
            for pool in threadpoolctl.threadpool_info()
            if pool["user_api"] == "blas"
        ),
        "commit": _commit(),
    }
    cupy = sys.modules.get("cupy")
    if cupy is not None:
        device = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
        facts["gpu"] = device["name"].decode()
        facts["cuda_driver"] = cupy.cuda.runtime.driverGetVersion()
    return facts


def busy_share(seconds: float = 1.0) -> float | None:
    """The share of all cores in use during a second in which this process slept; None where it cannot be read."""
    try:
        import psutil
    except ImportError:
        return None
    return float(psutil.cpu_percent(interval=seconds)) / 100


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return found.group(1)
    return platform.processor() or "unknown"


def _memory_gib() -> float | None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return None


def _versions() -> dict[str, str]:
    found = {}
    for package in VERSIONED:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _commit() -> str | None:
    here = Path(__file__).parent
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


# --- command line, table, JSON lines ---------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    settle = 0.2

    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        options = super().parse_args(*args, **kwargs)
        if options.quick:  # shows that the script runs; the figures mean little
            options.repeats, _Parser.settle = min(options.repeats, 2), 0.0
        return options


def parser(title: str) -> argparse.ArgumentParser:
    """The options that all benchmarks have; a script may add its own before it parses."""
    result = _Parser(description=title)
    result.add_argument("--json", metavar="FILE", type=Path, help="append the figures to FILE, one JSON object a line")
    result.add_argument("--repeats", type=int, default=7, help="timed rounds (default 7)")
    result.add_argument("--threads", type=int, default=2, help="threads of every library (default 2)")
    result.add_argument("--seed", type=int, default=0, help="seed of the data (default 0)")
    result.add_argument("--quick", action="store_true", help="small sizes, to see that the script runs")
    return result


def arguments(title: str) -> argparse.Namespace:
    """Parse the command line of a script that has no options of its own."""
    return parser(title).parse_args()


@dataclass
class _Section:
    title: str
    timings: dict[str, Timing]
    ours: str
    peer: str | None
    target: str
    limit: float | None
    notes: dict[str, str]
    facts: dict[str, Any]


@dataclass
class Report:
    """Collects timings under titles; `finish` prints them as tables and appends them to the ``--json`` file."""

    name: str
    options: argparse.Namespace
    sections: list[_Section] = field(default_factory=list)
    busy: float | None = field(default_factory=busy_share)
    _machine: dict[str, Any] | None = None

    def add(
        self,
        title: str,
        timings: dict[str, Timing],
        *,
        ours: str,
        peer: str | None = None,
        target: str = "",
        notes: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> None:
        """Add one round-robin. ``target`` bounds ours/peer, for example ``"<= 1.1"`` or ``"<= 0.001"``.

        ``notes`` is text for a row of the table (a share of the DSYRK rate); ``facts`` (sizes) go into the JSON line.
        """
        limit = float(target.split()[-1]) if target and not self.options.quick else None  # targets are for full sizes
        self.sections.append(_Section(title, timings, ours, peer, target, limit, dict(notes or {}), facts))

    def finish(self) -> bool:
        """Print, append, and say whether every target was met.

        A script may call it after each row, so that nothing is lost if a later one fails: it takes what came since.
        """
        if self._machine is None:
            self._machine = machine()
            self._show_machine(self._machine)
        met = [self._show(section) for section in self.sections]
        if self.options.json is not None:
            self._append(self._machine, met)
        self.sections.clear()
        return all(ok is not False for ok in met)

    def _show_machine(self, facts: dict[str, Any]) -> None:
        print(f"\n{facts['cpu']}, {facts['cores']} cores, {self.options.threads} threads, Python {facts['python']}")
        if "gpu" in facts:
            print(f"{facts['gpu']}, CUDA driver {facts['cuda_driver']}")
        print(", ".join(f"{package} {version}" for package, version in facts["versions"].items()))
        if self.busy is not None and self.busy > BUSY_SHARE:
            print(f"NOT QUIET: {self.busy:.0%} of the cores were in use before the start; do not quote these figures")

    @staticmethod
    def _show(section: _Section) -> bool | None:
        ratio = _ratio(section)
        base = section.timings[section.ours].median
        rows = [("", "median", "spread", "time / ours", "")]
        for name, timing in section.timings.items():
            if timing.median is None:
                rows.append((name, "-", "-", "-", timing.error or "not run"))
                continue
            relative = "-" if not base else f"{timing.median / base:,.2f}"
            rows.append((name, duration(timing.median), f"{timing.spread:.0%}", relative, section.notes.get(name, "")))
        print(f"\n{section.title}")
        print(table(rows))
        if section.limit is None:
            if section.target:
                print(f"  target ours / {section.peer} {section.target}: not judged with --quick")
            return None
        if ratio is None:
            print(f"  target ours / {section.peer} {section.target}: not measured")
            return None
        met = ratio <= section.limit
        print(f"  ours / {section.peer} = {ratio:.3g}, target {section.target}: {'met' if met else 'MISSED'}")
        return met

    def _append(self, facts: dict[str, Any], met: Sequence[bool | None]) -> None:
        with self.options.json.open("a", encoding="utf-8") as file:
            for section, ok in zip(self.sections, met, strict=True):
                record = {
                    "benchmark": self.name,
                    "title": section.title,
                    **section.facts,
                    "seconds": {
                        name: {**asdict(timing), "median": timing.median, "spread": timing.spread}
                        for name, timing in section.timings.items()
                    },
                    "notes": section.notes,
                    "ours": section.ours,
                    "peer": section.peer,
                    "ratio": _ratio(section),
                    "target": section.target or None,
                    "met": ok,
                    "threads": self.options.threads,
                    "protocol": section.timings[section.ours].protocol,
                    "seed": self.options.seed,
                    "quick": self.options.quick,
                    "busy_share_before": self.busy,
                    "machine": facts,
                }
                file.write(json.dumps(record, allow_nan=False) + "\n")


def _ratio(section: _Section) -> float | None:
    if section.peer is None:
        return None
    ours, peer = section.timings[section.ours].median, section.timings[section.peer].median
    return ours / peer if ours is not None and peer else None


def duration(seconds: float) -> str:
    """``0.0123`` -> ``12.3 ms``."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest entry: names to the left, figures to the right, notes (the last) ragged."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        *cells, note = row
        name, *figures = (f"{text:{'<' if i == 0 else '>'}{widths[i]}}" for i, text in enumerate(cells))
        lines.append("  ".join(["", name, *figures, note]).rstrip())
    return "\n".join(lines)
