"""Reading ahead: in order, in one thread, ended wherever the reader ends."""

from __future__ import annotations

import threading

import pytest

from symjobs.sources._ahead import read_ahead


def _parts(count, ended, threads):
    try:
        for i in range(count):
            threads.add(threading.current_thread().name)
            yield i
    finally:
        threads.add(threading.current_thread().name)
        ended.append(True)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_all_parts_come_in_order_from_one_thread(count):
    ended, threads = [], set()
    assert list(read_ahead(_parts(count, ended, threads))) == list(range(count))
    assert ended == [True]
    assert len(threads) == 1
    assert threading.current_thread().name not in threads


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_who_stops_reading_ends_the_generator(taken):
    ended, threads = [], set()
    reading = read_ahead(_parts(10, ended, threads))
    for _ in range(taken):
        next(reading)
    reading.close()
    assert ended == ([True] if taken else [])  # what was never begun has nothing to end
    assert not any(thread.name.startswith("symjobs-read") for thread in threading.enumerate())


def test_an_error_comes_after_the_parts_before_it():
    def parts():
        yield 1
        yield 2
        raise ValueError("here")

    reading = read_ahead(parts())
    assert [next(reading), next(reading)] == [1, 2]
    with pytest.raises(ValueError, match="here"):
        next(reading)


def test_parts_are_made_while_others_are_used():
    made = threading.Event()

    def parts():
        yield 1
        made.set()
        yield 2

    reading = read_ahead(parts())
    next(reading)
    assert made.wait(10)
    assert list(reading) == [2]
