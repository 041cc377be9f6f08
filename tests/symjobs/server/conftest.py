"""A server over real HTTP, and its manager."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import symjobs as sj
import symjobs.server
from tests.symjobs.server._client import OTHER, USERS, WAIT, Client, serving


@pytest.fixture(scope="module")
def manager() -> Iterator[sj.JobManager]:
    manager = sj.JobManager(grace=WAIT)
    yield manager
    manager.shutdown(timeout=WAIT)


@pytest.fixture(scope="module")
def port(manager: sj.JobManager) -> Iterator[int]:
    with serving(symjobs.server.create_app(manager, USERS, max_body=1 << 20, body_pause=3.0)) as port:
        yield port


@pytest.fixture(scope="module")
def client(port: int) -> Iterator[Client]:
    with Client(port) as client:
        yield client


@pytest.fixture(scope="module")
def other(port: int) -> Iterator[Client]:
    with Client(port, "c2", OTHER) as client:
        yield client
