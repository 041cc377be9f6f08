"""The main loop of a process that runs jobs for a manager in another one."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from symjobs._engine._job import JobContext
from symjobs._engine._run import run_here
from symjobs._engine._shared_memory import Parcel, Sender, receive

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
    """Child to parent: how the job ended. Either `answer` or `error` is set."""

    report: Report
    answer: Parcel | None  # (result, its entities as JSON)
    error: bytes | None  # pickled exception
    trace: str


class Unsendable(NamedTuple):
    """Stands for a result that cannot be pickled: only its entities came."""


def serve(connection: Connection, threads: int) -> None:
    """Run the jobs that come through the connection, one after the other, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    os.environ["SYMKERNELS_NUM_THREADS"] = str(threads)
    import threadpoolctl

    runs: queue.SimpleQueue[_Run] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, runs), daemon=True).start()
    with threadpoolctl.threadpool_limits(threads):
        while True:
            try:
                runs.get(timeout=IDLE_SECONDS).perform()
            except queue.Empty:
                return


def _listen(connection: Connection, runs: queue.SimpleQueue[_Run]) -> None:
    run: _Run | None = None
    while True:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone, and nobody wants an answer
        if isinstance(message, Start):
            if run is not None:
                run.close()  # the parent has its answer, as it sends another job
            run = _Run(connection, message)
            runs.put(run)
        elif run is not None:
            run.context.stop(message.reason)


class _Run:
    def __init__(self, connection: Connection, start: Start) -> None:
        self._connection = connection
        self._start = start
        self.context = JobContext(start.details)
        self._ended = threading.Event()
        self._sender: Sender | None = None

    def perform(self) -> None:
        tell = threading.Thread(target=self._tell, daemon=True)
        tell.start()
        end = self._run()
        self._ended.set()
        tell.join()
        self._connection.send(end)

    def close(self) -> None:
        """Release the memory of the answer, when the parent has taken it."""
        if self._sender is not None:
            self._sender.close()

    def _run(self) -> End:
        try:
            answer = run_here(receive(self._start.parcel), self.context)
            try:
                self._sender = Sender(answer)
            except Exception:  # noqa: BLE001 - whatever a class of somebody else raises
                self._sender = Sender((Unsendable(), answer[1]))
        except BaseException as exception:  # noqa: BLE001 - it is the job's outcome
            error = _pickled(exception) or pickle.dumps(RuntimeError(f"{type(exception).__name__}: {exception}"))
            return End(self._report(), None, error, traceback.format_exc())
        return End(self._report(), self._sender.parcel, None, "")

    def _report(self) -> Report:
        return Report(self.context.read_progress(), self.context.read_details())

    def _tell(self) -> None:
        last = self._report()
        self._connection.send(last)  # so that the parent knows that the job has begun
        while not self._ended.wait(_REPORT_SECONDS):
            report = self._report()
            if report != last:
                self._connection.send(last := report)


def _pickled(value: Any) -> bytes | None:
    try:
        data = pickle.dumps(value, protocol=5)
        pickle.loads(data)  # an exception may be written and not read
    except Exception:  # noqa: BLE001 - whatever a class of somebody else raises
        return None
    return data
