"""The state machine by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjobs._engine._states import Event, Life, State, step

events = st.lists(st.sampled_from(Event))


def run(events, life=Life()):  # noqa: B008 - immutable
    for event in events:
        life = step(life, event)
    return life


@given(events, events)
def test_what_has_ended_stays_as_it_ended(before, after):
    life = run(before)
    if life.state.final:
        assert run(after, life) == life


@given(events)
def test_a_job_that_is_to_be_killed_ends_in_no_other_way(before):
    life = run([*before, Event.KILL])
    if life.kill_requested:
        assert run([Event.SUCCEED], life).state is State.KILLED
        assert run([Event.FAIL], life).state is State.KILLED
        assert run([Event.ABANDON], life).state is State.KILLED


@given(events)
def test_only_a_job_that_started_succeeds(before):
    if run(before).state is State.DONE:
        assert Event.SUCCEED in before[before.index(Event.START) :]


@pytest.mark.parametrize(
    ("events", "life"),
    [
        ([], Life(State.QUEUED, False)),
        ([Event.START], Life(State.RUNNING, False)),
        ([Event.START, Event.SUCCEED], Life(State.DONE, False)),
        ([Event.START, Event.FAIL], Life(State.FAILED, False)),
        ([Event.START, Event.KILL], Life(State.RUNNING, True)),
        ([Event.START, Event.KILL, Event.SUCCEED], Life(State.KILLED, True)),
        ([Event.KILL], Life(State.KILLED, True)),
        ([Event.KILL, Event.START], Life(State.KILLED, True)),
        ([Event.ABANDON], Life(State.FAILED, False)),
        ([Event.START, Event.ABANDON, Event.SUCCEED], Life(State.FAILED, False)),
        ([Event.SUCCEED], Life(State.QUEUED, False)),
    ],
)
def test_lives(events, life):
    assert run(events) == life
