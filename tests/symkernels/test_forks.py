"""Objects in a forked child, while threads of the parent hold their locks."""

import os
import signal
import sys
import threading
import traceback
import warnings

import numpy as np
import pytest

from symkernels import Moments, StreamingKMeans

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
X = np.array([[1.0, 2.0], [3.0, 5.0], [4.0, 4.0], [6.0, 1.0]])


def in_child(check):
    """Fork, call a function in the child, and return whether it was true there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(120)  # ends a child that hangs
            status = 0 if check() else 3
        except BaseException:  # noqa: BLE001 - the parent's test fails, and this says why
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


class Held:
    """Another thread that holds a lock."""

    def __init__(self, lock):
        self.lock, self.there, self.go = lock, threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.hold)

    def hold(self):
        with self.lock:
            self.there.set()
            self.go.wait(60)

    def __enter__(self):
        self.thread.start()
        assert self.there.wait(20)

    def __exit__(self, *_):
        self.go.set()
        self.thread.join()


def test_a_child_uses_moments_whose_lock_was_held():
    m = Moments(2).learn(X)
    with Held(m._lock):
        assert in_child(lambda: m.copy().learn(X).n_rows == 8)
        assert in_child(lambda: (m.mean() == X.mean(axis=0)).all() and m.learn(X).n_rows == 8)
    assert m.learn(X).n_rows == 8


def test_a_child_refuses_moments_that_were_changed_in_place():
    m = Moments(2).learn(X)

    def refuses():
        with pytest.raises(RuntimeError, match="another thread was learning into this object when the process forked"):
            m.mean()
        return True

    with Held(m._lock.in_place()):
        assert in_child(refuses)
    assert in_child(lambda: m.learn(X).n_rows == 8)
    assert m.learn(X).n_rows == 8


def test_the_thread_that_forks_leaves_its_own_lock():
    m = Moments(2).learn(X)

    def learn_and_leave():
        m.learn(X)
        m._lock.__exit__(None, None, None)  # as at the end of the block in which the process forked
        return m.learn(X).n_rows == 12

    with m._lock:
        assert in_child(learn_and_leave)
        assert m.learn(X).n_rows == 8


def test_a_grandchild_too():
    m = Moments(2).learn(X)
    with Held(m._lock):
        assert in_child(lambda: in_child(lambda: m.learn(X).n_rows == 8))


def test_many_threads_of_a_child_find_one_lock():
    m = Moments(2).learn(X)

    def learn_in_threads():
        threads = [threading.Thread(target=lambda: [m.learn(X) for _ in range(50)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return m.n_rows == 4 + 8 * 50 * 4

    with Held(m._lock):
        assert in_child(learn_in_threads)


def test_a_child_uses_a_stream_whose_lock_was_held():
    stream = StreamingKMeans(n_centroids=3, warmup=4).learn(X)
    with Held(stream._writing):
        assert in_child(lambda: stream.copy().learn(X).n_rows == 8 and stream.learn(X).n_rows == 8)
