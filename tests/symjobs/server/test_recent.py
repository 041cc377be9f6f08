"""The last answers about running jobs: never one that is older than the end that a client has seen."""

from __future__ import annotations

import pytest

from symjobs.rest import Response
from symjobs.server import _recent
from symjobs.server._recent import RecentAnswers

RUNS = Response(202, b"{}")


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(_recent.time, "monotonic", lambda: now[0])
    return now


def test_an_answer_is_given_for_a_quarter_of_a_second(clock):
    recent = RecentAnswers(lambda _: True)
    assert recent.get("c1", "1") is None
    recent.put("c1", "1", clock[0], RUNS)
    assert recent.get("c1", "1") is RUNS
    assert recent.get("c2", "1") is None
    assert not recent.is_due("c1", "1")
    clock[0] += 0.03
    assert recent.get("c1", "1") is RUNS
    assert [recent.is_due("c1", "1") for _ in range(3)] == [True, False, False]  # one asks anew for all
    clock[0] += 0.25
    assert recent.get("c1", "1") is None


def test_the_age_is_that_of_the_question(clock):
    recent = RecentAnswers(lambda _: True)
    asked = clock[0]
    clock[0] += 0.3  # so long the answer took
    recent.put("c1", "1", asked, RUNS)
    assert recent.get("c1", "1") is None


def test_what_ends_is_not_given_again(clock):
    unfinished = {"1"}
    recent = RecentAnswers(unfinished.__contains__)
    recent.put("c1", "1", clock[0], RUNS)
    unfinished.clear()
    assert recent.get("c1", "1") is None


def test_a_job_that_ends_while_it_is_asked_for_or_runs_elsewhere(clock):
    recent = RecentAnswers(lambda _: False)
    recent.put("c1", "1", clock[0], RUNS)
    assert recent.get("c1", "1") is None
    assert not recent._kept


def test_ends_and_refusals_are_not_kept(clock):
    recent = RecentAnswers(lambda _: True)
    recent.put("c1", "1", clock[0], RUNS)
    for status in (200, 400, 401, 500):
        recent.put("c1", "1", clock[0], Response(status, b"{}"))
    assert recent.get("c1", "1") is RUNS  # a stranger's refusal changes nothing


def test_they_do_not_grow(clock):
    recent = RecentAnswers(lambda _: True)
    for number in range(3000):
        recent.put("c1", str(number), clock[0], RUNS)
    assert len(recent._kept) == 1024
    assert recent.get("c1", "2999") is RUNS
