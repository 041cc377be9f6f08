"""Learning and clustering on a GPU, beside cuBLAS and PyTorch on the same card.

    make gpu PART=bench     or: PYTHONPATH=.:kernels python benchmarks/bench_gpu.py [--quick] [--json FILE] [ROW ...]

Each row is printed and written as soon as it is measured. Rows run in a process of their own: one that fails or takes
longer than its limit costs that row only, and a new process goes on with the next. Floors come first; notes tell the
rate of each case. Sizes are cut to the memory that is free. No answer is timed that differs from NumPy's: the
compiled loops of the CPU are not used, so that nothing waits for their compilation.
"""

from __future__ import annotations

import argparse
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import _harness as harness

_BEGIN = "== row "  # how a process says which row it is at


def card() -> Any:
    """CuPy, or None with the reason on the terminal."""
    try:
        import cupy
    except ImportError:
        print("NOT MEASURED: CuPy is not installed (pip install 'symjobs[gpu]' for CUDA 12, 'symjobs[gpu13]' for 13)")
        return None
    try:
        if cupy.cuda.runtime.getDeviceCount() > 0:
            return cupy
    except cupy.cuda.runtime.CUDARuntimeError as error:
        print(f"NOT MEASURED: no CUDA device ({error})")
        return None
    print("NOT MEASURED: no CUDA device")
    return None


def pytorch() -> Any:
    """PyTorch if it sees a card, or None with the reason on the terminal."""
    try:
        import torch
    except ImportError as error:
        print(f"PyTorch is left out: {error}")
        return None
    if not torch.cuda.is_available():
        print("PyTorch is left out: it sees no card")
        return None
    return torch


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    from _gpu_rows import ROWS, host_threads

    parser = harness.parser("learning and clustering on a GPU")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"default all: {', '.join(ROWS)}")
    parser.add_argument("--seconds", type=float, default=165.0, help="start no row after so long (default 165)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(repeats=5, threads=host_threads())
    options = parser.parse_args(arguments)
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}; rows are {', '.join(ROWS)}")
    return options


def measure(options: argparse.Namespace, xp: Any, torch: Any, cut: int) -> None:
    """Run the rows in this process; the first that fails ends it."""
    from _gpu_rows import ROWS, Card

    with harness.threads(options.threads):
        here = Card(xp, torch, harness.Report("gpu", options), cut)
        for name in options.rows or ROWS:
            print(f"{_BEGIN}{name}", flush=True)
            ROWS[name][0](here)


def supervise(options: argparse.Namespace, command: Sequence[str], limits: dict[str, float]) -> int:
    """Run rows in other processes, each row within its limit; return how many were not measured.

    ``command`` is what starts a process that measures the rows named after it.
    """
    end = time.monotonic() + options.seconds
    left, lost = list(limits), 0
    while left:
        if time.monotonic() > end:
            for name in left:
                _lose(options, name, f"not started: {options.seconds:g} s were over")
            return lost + len(left)
        name, problem = _watch([*command, *left], left[0], limits, end)
        if problem is None:
            return lost
        left = left[left.index(name) + 1 :]
        _lose(options, name, problem)
        lost += 1
    return lost


def _watch(command: Sequence[str], row: str, limits: dict[str, float], end: float) -> tuple[str, str | None]:
    """Run a process whose first row is ``row``; return the row it was at, and why it did not come to its end."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", bufsize=1
    )
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    due, last = time.monotonic() + max(limits.values()), ""  # until the first row: to start takes some seconds
    try:
        while True:
            try:
                line = lines.get(timeout=max(0.0, due - time.monotonic()))
            except queue.Empty:
                return row, f"over its limit of {limits[row]:g} s"
            if line is None:
                break
            print(line, end="", flush=True)
            if line.startswith(_BEGIN):
                row = line.removeprefix(_BEGIN).strip()
                if time.monotonic() > end:
                    return row, "not started: the time for all rows was over"
                due = time.monotonic() + limits[row]
            last = line.strip() or last
        code = process.wait()
        return row, None if code == 0 else f"exit {code}: {last}"
    finally:
        process.kill()
        process.wait()
        reader.join(5.0)


def _read(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            lines.put(line)
    lines.put(None)


def _lose(options: argparse.Namespace, name: str, problem: str) -> None:
    print(f"NOT MEASURED: {name}: {problem}", flush=True)
    if options.json is not None:
        with options.json.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"benchmark": "gpu", "row": name, "error": problem}) + "\n")


def main() -> int:
    from _gpu_rows import ROWS

    options = parse()
    if options.child:
        cupy = card()
        if cupy is None:
            return 2
        measure(options, cupy, pytorch(), 32 if options.quick else 1)
        return 0
    if card() is None:
        return 0  # `make bench` runs this on machines without a card, too
    command = [sys.executable, "-u", str(Path(__file__)), "--child"]
    command += [f"--repeats={options.repeats}", f"--threads={options.threads}", f"--seed={options.seed}"]
    command += ["--quick"] * options.quick + ([f"--json={options.json}"] if options.json is not None else [])
    limits = {name: ROWS[name][1] for name in options.rows or ROWS}
    return 1 if supervise(options, command, limits) else 0


if __name__ == "__main__":
    sys.exit(main())
