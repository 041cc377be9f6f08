"""The last answers about running jobs: never one that is older than the end that a client has seen."""

from __future__ import annotations

import pytest

from symjobs.rest import Response
from symjobs.server import _recent
from symjobs.server._recent import RecentAnswers

RUNS, ENDED = Response(202, b"{}"), Response(200, b"{}")


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(_recent.time, "monotonic", lambda: now[0])
    return now


def test_an_answer_is_given_for_a_quarter_of_a_second(clock):
    recent = RecentAnswers(lambda _: True)
    assert recent.get("c1", "1") is None
    recent.put("c1", "1", recent.ask("1"), RUNS)
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
    asked = recent.ask("1")
    clock[0] += 0.3  # so long the answer took
    recent.put("c1", "1", asked, RUNS)
    assert recent.get("c1", "1") is None


def test_what_ends_is_not_given_again(clock):
    unfinished = {"1"}
    recent = RecentAnswers(unfinished.__contains__)
    recent.put("c1", "1", recent.ask("1"), RUNS)
    unfinished.clear()
    assert recent.get("c1", "1") is None


def test_a_job_that_ends_while_it_is_asked_for(clock):
    unfinished = {"1"}
    recent = RecentAnswers(unfinished.__contains__)
    asked = recent.ask("1")
    unfinished.clear()  # after the store was read, before the answer is kept
    recent.put("c1", "1", asked, RUNS)
    assert recent.get("c1", "1") is None


def test_jobs_of_other_processes_are_given_too(clock):
    recent = RecentAnswers(lambda _: False)
    recent.put("c1", "1", recent.ask("1"), RUNS)
    assert recent.get("c1", "1") is RUNS
    slow = recent.ask("1")
    clock[0] += 0.01
    recent.put("c1", "1", recent.ask("1"), ENDED)
    recent.put("c1", "1", slow, RUNS)  # read before the job ended, answered after another client has seen that
    assert recent.get("c1", "1") is None


def test_what_was_changed_is_not_given_again(clock):
    recent = RecentAnswers(lambda _: False)
    slow = recent.ask("1")
    recent.put("c1", "1", slow, RUNS)
    clock[0] += 0.01
    recent.discard("c1", "1")
    recent.put("c1", "1", slow, RUNS)
    assert recent.get("c1", "1") is None
    clock[0] += 0.01
    recent.put("c1", "1", recent.ask("1"), RUNS)
    assert recent.get("c1", "1") is RUNS


def test_they_do_not_grow(clock):
    recent = RecentAnswers(lambda _: True)
    for number in range(3000):
        recent.put("c1", str(number), recent.ask("1"), RUNS)
    assert len(recent._kept) == 1024
    assert recent.get("c1", "2999") is RUNS
