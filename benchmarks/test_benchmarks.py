"""Every script of this folder as a test: `pytest benchmarks`, or `make bench`.

A script runs in a process of its own, checks the answers of all candidates, and times them in turn. A wrong answer
fails the test; a target that is missed does not. pytest-benchmark's tables and its JSON (`--benchmark-json FILE`) get
an entry for each candidate of each comparison, with what else is known of it under ``extra_info``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
SCRIPTS = sorted(path.name for path in FOLDER.glob("bench_*.py"))
_KNOWN = ("title", "ours", "peer", "ratio", "target", "met", "protocol", "share_of_floor", "seed", "threads", "quick",
          "busy_share_before")  # fmt: skip


@pytest.mark.timeout(0)
@pytest.mark.parametrize("script", SCRIPTS)
def test_script(script: str, pytestconfig: pytest.Config, benchmark: Any, tmp_path: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.touch()
    options = [
        f"--{name}={value}" for name in ("repeats", "threads", "seed") if (value := pytestconfig.getoption(name))
    ]
    quick = ["--quick"] if pytestconfig.getoption("quick") else []
    done = subprocess.run([sys.executable, FOLDER / script, *options, f"--json={lines}", *quick], check=False)
    records = [json.loads(line) for line in lines.read_text().splitlines()]
    if (figures := pytestconfig.getoption("figures")) is not None:
        with Path(figures).open("a", encoding="utf-8") as file:
            file.write(lines.read_text())
    benchmark._mode = "times that the script took"  # else it warns where a script takes none
    for record in records:
        if "seconds" not in record:  # rates of errors, bytes
            continue
        for name, timing in record["seconds"].items():
            if timing["times"]:
                _add(benchmark, f"{script}: {record['title']}", name, timing, record)
    assert done.returncode == 0, f"{script} ended with {done.returncode}; its last lines say why"
    if script == "bench_gpu.py" and not records:
        pytest.skip("nothing was measured: no CUDA device")


def _add(benchmark: Any, group: str, name: str, timing: dict[str, Any], record: dict[str, Any]) -> None:
    """Give pytest-benchmark times that were taken already: candidates take turns, which its own runner does not do."""
    ours = record["seconds"][record["ours"]]["median"]
    benchmark.group, benchmark.name, benchmark.fullname = group, name, f"{group} [{name}]"
    benchmark.extra_info = {key: record[key] for key in _KNOWN if record.get(key) is not None} | {
        "note": record["notes"].get(name, ""),
        "spread": timing["spread"],
        "time_over_ours": timing["median"] / ours if ours else None,
        "commit": record["machine"]["commit"],
    }
    stats = benchmark._make_stats(1)
    for seconds in timing["times"]:
        stats.update(seconds)
