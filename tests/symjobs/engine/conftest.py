"""A manager for every kind of store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import symjobs as sj
from tests.symjobs.engine._jobs import WAIT


@pytest.fixture
def managers() -> Iterator[Callable[..., sj.JobManager]]:
    """Makes managers, and shuts them down after the test. A kill waits as long as a loaded machine needs."""
    made: list[sj.JobManager] = []

    def make(**settings: Any) -> sj.JobManager:
        made.append(sj.JobManager(**({"grace": WAIT} | settings)))
        return made[-1]

    yield make
    for manager in made:
        manager.shutdown(timeout=0)


@pytest.fixture
def manager(store_url: str | None, managers: Callable[..., sj.JobManager]) -> sj.JobManager:
    """A manager with one worker, once for each kind of store."""
    return managers(workers=1, queue_size=3, store=store_url)
