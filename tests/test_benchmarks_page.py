"""The benchmarks under pytest, and the page of their figures."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SPEC = importlib.util.spec_from_file_location("generate_benchmarks", ROOT / "docs" / "_generate_benchmarks.py")
figures = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(figures)


def line(title, times, *, ours="ours", met=None, quick=False, **changes):
    middle = {name: sorted(some)[len(some) // 2] for name, some in times.items()}
    return {
        "benchmark": "b",
        "title": title,
        "seconds": {
            name: {"times": some, "median": middle[name], "spread": 0.25, "error": None} for name, some in times.items()
        },
        "ours": ours,
        "peer": "peer",
        "target": "<= 1",
        "met": met,
        "threads": 2,
        "quick": quick,
        "protocol": "in turn",
        "busy_share_before": 0.0,
        "machine": {"when": "2026-01-02T03:04:05Z", "commit": "abc", "cores": 2, "cpu": "A CPU"},
        **changes,
    }


def test_the_page_is_that_of_the_lines():
    assert figures.PAGE.read_text(encoding="utf-8") == figures.page(), "run python docs/_generate_benchmarks.py"


def test_the_newest_full_line_counts(tmp_path):
    for day, value in (("1", 1.0), ("2", 2.0)):
        lines = [line("x", {"ours": [value]}), line("x", {"ours": [9.0]}, quick=True), {"benchmark": "b", "rate": 1}]
        (tmp_path / f"figures-{day}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = figures.newest(sorted(tmp_path.iterdir(), reverse=True))
    assert found["b"]["x"]["seconds"]["ours"]["median"] == 2.0
    assert list(found) == ["b"]


def test_losses_errors_and_busy_machines_are_shown():
    lost = line("a | b", {"ours": [0.2, 0.2, 0.2], "peer": [0.1, 0.1, 0.1]}, met=False)
    lost["seconds"]["broken"] = {"times": [], "median": None, "spread": None, "error": "ValueError: no"}
    assert figures._row(lost, "a") == (
        "| a \\| b | 200 ms (25%) | peer 0.5; broken: ValueError: no | ours / peer &lt;= 1: **missed** | a |"
    )
    assert figures.protocol(lost) == "3 rounds, in turn; 2 threads; 2026-01-02, commit abc, 2 cores of A CPU"
    assert "NOT QUIET, 40%" in figures.protocol(lost | {"busy_share_before": 0.4})


def test_the_scripts_run_under_pytest_benchmark(tmp_path):
    table, lines = tmp_path / "table.json", tmp_path / "lines.jsonl"
    command = [sys.executable, "-m", "pytest", "benchmarks", "-k", "categories", "--quick", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"--benchmark-json={table}", f"--figures={lines}"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},  # of xdist's worker
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    entries = json.loads(table.read_text())["benchmarks"]
    records = [json.loads(text) for text in lines.read_text().splitlines()]
    assert {record["benchmark"] for record in records} == {"categories"}
    assert len(entries) == sum(len(record["seconds"]) for record in records)
    ours = next(entry for entry in entries if entry["name"] == "ours")
    assert ours["extra_info"]["time_over_ours"] == 1.0
    assert ours["extra_info"]["ratio"] == records[0]["ratio"]
    assert ours["stats"]["median"] == records[0]["seconds"]["ours"]["median"]
    assert ours["extra_info"]["protocol"].startswith("in turn, after a pause of 0 s")
