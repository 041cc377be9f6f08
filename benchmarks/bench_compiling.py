"""What compiling costs: seconds by module, and the specialisations of the loops that cost most.

python benchmarks/bench_compiling.py [--quick] [--json FILE]

A process that finds no compiled code calls `compile_loops`; with ``--quick`` it learns a few rows. A loop's time is
without that of the loops that it calls. There is no peer: this shows what a specialisation costs, and the other scripts
what it gains.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import _harness as harness

ROOT = Path(__file__).parents[1]
_CHILD = """
import json, sys, time
from numba.core import event

found, running = [], []

class Listener(event.Listener):
    def on_start(self, event):
        running.append([time.perf_counter(), 0.0])

    def on_end(self, event):
        begun, inside = running.pop()
        seconds = time.perf_counter() - begun
        if running:
            running[-1][1] += seconds
        function = event.data["dispatcher"].py_func
        found.append((function.__module__, function.__name__, seconds - inside))

event.register("numba:compile", Listener())
import numpy as np
import symkernels

if sys.argv[1] == "quick":
    symkernels.Moments(20).learn(np.ones((20_000, 20)))
else:
    symkernels.compile_loops()
print(json.dumps(found))
"""


def main() -> None:
    options = harness.arguments("Compiling")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", _CHILD, "quick" if options.quick else "all"],
            env=os.environ | {"NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(ROOT / "kernels")},
            capture_output=True,
            text=True,
            check=True,
        )
    found = json.loads(done.stdout)
    harness.require(any("symkernels" in module for module, _, _ in found), "nothing was compiled")
    modules: Counter[str] = Counter()
    loops: Counter[tuple[str, str]] = Counter()
    variants = Counter((module, name) for module, name, _ in found)
    for module, name, seconds in found:
        modules[module] += seconds
        loops[module, name] += seconds
    rows = [("module", "seconds", "specialisations", "")]
    rows += [
        (module, f"{seconds:.1f}", str(sum(n for (where, _), n in variants.items() if where == module)), "")
        for module, seconds in modules.most_common()
        if seconds >= 0.1
    ]
    print(f"all loops: {sum(modules.values()):.1f} s")
    print(harness.table(rows))
    rows = [("loop", "seconds", "specialisations", "")]
    rows += [
        (f"{module.removeprefix('symkernels.')}.{name}", f"{seconds:.1f}", str(variants[module, name]), "")
        for (module, name), seconds in loops.most_common(25)
    ]
    print(harness.table(rows))
    if options.json is not None:
        line = {"benchmark": "compiling", "quick": options.quick, "machine": harness.machine(), "modules": modules}
        with options.json.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
