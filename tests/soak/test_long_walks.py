"""The models of `Moments` and of the job manager in walks far longer than those of `make test`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.symjobs.engine.test_model import Machine, SqliteMachine
from tests.symkernels.test_moments_model import MomentsMachine

_LONG = {"deadline": None, "suppress_health_check": list(HealthCheck)}


class LongMoments(MomentsMachine):
    """Hundreds of operations on one state."""


class LongMemory(Machine):
    """Hundreds of jobs in one manager."""


class LongSqlite(SqliteMachine):
    """The same on a database."""


TestLongMoments = LongMoments.TestCase
TestLongMoments.settings = settings(max_examples=2, stateful_step_count=150, **_LONG)
TestLongMemory = LongMemory.TestCase
TestLongMemory.settings = settings(max_examples=2, stateful_step_count=300, **_LONG)
TestLongSqlite = LongSqlite.TestCase
TestLongSqlite.settings = settings(max_examples=1, stateful_step_count=150, **_LONG)
