"""The main loop of a process that runs jobs for a manager in another one."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from symjobs._engine._job import JobContext
from symjobs._engine._run import run_here
from symjobs._engine._shared_memory import Parcel, receive

IDLE_SECONDS = 60.0  # after which a process without work ends
_REPORT_SECONDS = 0.02


class Start(NamedTuple):
    """Parent to child: run this job."""

    parcel: Parcel
    details: dict[str, str]


class Stop(NamedTuple):
    """Parent to child: make the next checkpoint raise."""

    reason: str


class Report(NamedTuple):
    """Child to parent: what the job has reported so far."""

    progress: tuple[int, int]
    details: dict[str, str]


class End(NamedTuple):
    """Child to parent: how the job ended. Either `values` or `error` is set."""

    report: Report
    values: bytes | None
    result: bytes | None  # pickled; None if it cannot be
    error: bytes | None  # pickled exception
    trace: str


def serve(connection: Connection, threads: int) -> None:
    """Run the jobs that come through the connection, one after the other, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    os.environ["SYMKERNELS_NUM_THREADS"] = str(threads)
    import threadpoolctl

    with threadpoolctl.threadpool_limits(threads):
        while connection.poll(IDLE_SECONDS):
            try:
                start = connection.recv()
            except EOFError:
                return
            if isinstance(start, Start):  # a Stop may come after the job has ended
                _Run(connection, start).perform()


class _Run:
    def __init__(self, connection: Connection, start: Start) -> None:
        self._connection = connection
        self._start = start
        self._context = JobContext(start.details)
        self._ended = threading.Event()

    def perform(self) -> None:
        threads = [threading.Thread(target=target, daemon=True) for target in (self._listen, self._tell)]
        for thread in threads:
            thread.start()
        end = self._run()
        self._ended.set()
        for thread in threads:
            thread.join()
        self._connection.send(end)

    def _run(self) -> End:
        values = result = error = None
        trace = ""
        try:
            returned, values = run_here(receive(self._start.parcel), self._context)
            result = _pickled(returned)
        except BaseException as exception:  # noqa: BLE001 - it is the job's outcome
            values = None
            trace = traceback.format_exc()
            error = _pickled(exception) or pickle.dumps(RuntimeError(f"{type(exception).__name__}: {exception}"))
        return End(self._report(), values, result, error, trace)

    def _report(self) -> Report:
        return Report(self._context.read_progress(), self._context.read_details())

    def _tell(self) -> None:
        last = None
        while not self._ended.wait(_REPORT_SECONDS):
            report = self._report()
            if report != last:
                self._connection.send(last := report)

    def _listen(self) -> None:
        while not self._ended.is_set():
            if self._connection.poll(_REPORT_SECONDS):
                try:
                    message = self._connection.recv()
                except (EOFError, OSError):
                    os._exit(1)  # the parent is gone, and nobody wants the answer
                if isinstance(message, Stop):
                    self._context.stop(message.reason)


def _pickled(value: Any) -> bytes | None:
    try:
        data = pickle.dumps(value, protocol=5)
        pickle.loads(data)  # an exception may be written and not read
    except Exception:  # noqa: BLE001 - whatever a class of somebody else raises
        return None
    return data
