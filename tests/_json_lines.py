"""A pytest plugin: one line of JSON for each test as it ends, so that a run that is stopped leaves what it had.

python -m pytest -p tests._json_lines --json-lines FILE
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--json-lines", metavar="FILE", type=Path, help="append the outcome of each test to FILE")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--json-lines")
    if path is not None and not hasattr(config, "workerinput"):  # not in the workers of pytest-xdist
        config.pluginmanager.register(_Writer(path.open("a", encoding="utf-8")))


class _Writer:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        record = {"test": report.nodeid, "outcome": report.outcome, "seconds": round(report.duration, 4)}
        if report.failed:
            record["when"], record["message"] = report.when, report.longreprtext
            print(f"\nFAILED {report.nodeid}: {_last_line(report.longreprtext)}", flush=True)
        self._file.write(json.dumps(record) + "\n")
        self._file.flush()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            record = {"test": report.nodeid, "outcome": "not collected", "message": report.longreprtext}
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()

    def pytest_unconfigure(self) -> None:
        self._file.close()


def _last_line(text: str) -> str:
    errors = [line[2:].strip() for line in text.splitlines() if line.startswith("E ")]
    return errors[0] if errors else text.strip().rpartition("\n")[2]
