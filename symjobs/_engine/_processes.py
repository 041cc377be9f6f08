"""Processes of their own for jobs: one job at a time each, started when needed, and used again."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from symjobs._engine._child import End, Report, Start, Stop, serve
from symjobs._engine._job import Job, JobContext
from symjobs._engine._shared_memory import Sender, receive
from symjobs._errors import InputError, JobError, StopJob

_POLL_SECONDS = 0.01  # how soon a kill is noticed
_STOP_SECONDS = 0.025  # how long a job has to stop by itself, so that its process can be used again
_END_SECONDS = 1.0  # how long a process that ends may take to be gone


class RemoteTraceback(Exception):
    """Where a job raised, in its own process; the cause of its exception here."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class ProcessPool:
    """Runs jobs in processes (`spawn`), and keeps those that are idle for the next ones.

    Parameters
    ----------
    threads : int
        Threads that the kernels use in each process.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()

    def run(self, job: Job, context: JobContext) -> tuple[Any, bytes]:
        """Run a job; return its result, or `Unsendable`, and its entities as JSON. Raises what the job raises."""
        try:
            sender = Sender(job)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise InputError(
                f"{job.job_type} cannot be sent to a process ({error}); give it tables in memory instead of iterators, "
                "define its class in a module, or submit it with isolate=False"
            ) from error
        try:
            end, answer = self._run(Start(sender.parcel, context.read_details()), context)
        finally:
            sender.close()
        _take_over(end.report, context)
        if end.error is not None:
            exception = pickle.loads(end.error)
            exception.__cause__ = RemoteTraceback(end.trace)
            raise exception
        return answer

    def _run(self, start: Start, context: JobContext) -> tuple[End, Any]:
        while True:
            process = self._take()
            try:
                end = process.run(start, context)
                # Before the process gets another job.
                return end, None if end.answer is None else receive(end.answer, writable=True)
            except _NotBegun:  # it had waited for so long that it ended just now
                continue
            finally:
                if process.is_idle:
                    self._give_back(process)
                else:
                    self._end(process)

    def close(self) -> None:
        """End all processes. A job that still runs fails."""
        with self._lock:
            processes, self._idle = list(self._all), []
        for process in processes:
            self._end(process)

    def _take(self) -> _Process:
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                process = _Process(self._threads)
                with self._lock:
                    self._all.add(process)
                return process
            if process.is_alive:
                return process
            self._end(process)

    def _give_back(self, process: _Process) -> None:
        with self._lock:
            if process in self._all:  # else the pool was closed
                self._idle.append(process)

    def _end(self, process: _Process) -> None:
        with self._lock:
            self._all.discard(process)
        process.kill()


class _NotBegun(Exception):
    """The process has ended without looking at the job."""


class _Process:
    def __init__(self, threads: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=serve, args=(theirs, threads), name="symjobs-job", daemon=True)
        self.is_idle = True
        try:
            self._process.start()
        except BaseException as error:
            self._connection.close()
            if isinstance(error, OSError | RuntimeError):
                raise JobError(f"the process of the job could not be started: {error}") from error
            raise
        finally:
            theirs.close()

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def run(self, start: Start, context: JobContext) -> End:
        """Run a job to its end; `is_idle` says whether the process can run another one, also when this raises."""
        self.is_idle = begun = False
        connection: Connection = self._connection
        try:
            connection.send(start)
            while True:
                if connection.poll(_POLL_SECONDS):
                    message = connection.recv()
                    begun = True
                    if isinstance(message, End):
                        self.is_idle = True
                        return message
                    _take_over(message, context)
                try:
                    context.checkpoint()
                except StopJob as stop:
                    self._stop(str(stop))
                    raise
        except (EOFError, OSError) as error:
            words = self._how_it_ended()
            if not begun and self._process.exitcode == 0:
                raise _NotBegun from error
            raise JobError(words) from error

    def _stop(self, reason: str) -> None:
        deadline = time.monotonic() + _STOP_SECONDS
        self._connection.send(Stop(reason))
        while (left := deadline - time.monotonic()) > 0:
            if self._connection.poll(left) and isinstance(self._connection.recv(), End):
                self.is_idle = True
                return

    def kill(self) -> None:
        """End the process at once. To give its memory back takes it a while, for which nobody waits."""
        self._process.kill()
        self._connection.close()

    def _how_it_ended(self) -> str:
        self._process.join(_END_SECONDS)
        code = self._process.exitcode
        if code is None:
            return "the process of the job closed its connection"
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
            memory = "; perhaps there was not enough memory" if -code == getattr(signal, "SIGKILL", 9) else ""
            return f"the process of the job was ended by {name}{memory}"
        return (
            f"the process of the job ended with the exit code {code}; a script that runs isolated jobs needs the line "
            "if __name__ == '__main__': before its own work"
        )


def _take_over(report: Report, context: JobContext) -> None:
    context.details.update(report.details)
    context.set_progress(*report.progress)
