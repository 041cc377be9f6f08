"""The options of the benchmarks under pytest, which hands them on to the scripts."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("symjobs", "the scripts in benchmarks/")
    group.addoption("--quick", action="store_true", help="small sizes, to see that the scripts run")
    group.addoption("--figures", metavar="FILE", help="append every comparison to FILE, one JSON object a line")
    group.addoption("--repeats", type=int, help="timed rounds")
    group.addoption("--threads", type=int, help="threads of every library")
    group.addoption("--seed", type=int, help="seed of the data")
