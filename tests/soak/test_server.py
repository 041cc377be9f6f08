"""A server that is killed at any moment, and one with many clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests._soak import Rounds
from tests.symjobs.server._faults import ask_many, crash


def test_kill_9_at_any_moment(tmp_path: Path, rounds: Rounds) -> None:
    crash(tmp_path, rounds(200))


def test_many_clients(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Each of 10,000 jobs (1,000 in the short form) from 50 clients is answered exactly once."""
    ask_many(tmp_path, 10_000 if request.config.getoption("--full") else 1_000, 50)
