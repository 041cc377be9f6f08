"""The manager: takes jobs, runs them on its workers, answers for them."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import msgspec

from symjobs._entities import JobInfo
from symjobs._errors import InputError, JobFailed, JobKilled, NoSuchJob, StoreError
from symjobs._jobs._handle import JobHandle, StoredResult
from symjobs._jobs._ids import DEFAULT_OWNER, check_owner, is_owner, parse_id
from symjobs._jobs._job import Details, Job
from symjobs._jobs._keeper import Keeper
from symjobs._jobs._lane import Lane
from symjobs._jobs._record import Answer, Outcome, Record, now_ms, unfinished
from symjobs._jobs._registry import ProjectRegistry
from symjobs._jobs._run import Run
from symjobs._jobs._settings import Settings
from symjobs._jobs._states import Event, State
from symjobs._jobs._store import SharedStore, open_store

logger = logging.getLogger("symjobs.jobs")

_TIDY_SECONDS = 1.0
_SHORTEST_POLL, _LONGEST_POLL = 0.01, 0.25  # for jobs that run in other processes
_SAVE_PAUSES = (0.05, 0.5)  # between attempts to save a result
_SHUT_DOWN = "the job manager was shut down before the job finished"


class JobManager:
    """Runs jobs on threads of this process and keeps them in a store.

    Heavy jobs (``bounded``) go through `workers` threads and a queue; light ones have threads of their own. Several
    managers, in this or other processes, may share a store: each answers for every job and can kill it.

    Parameters
    ----------
    workers : int, default 2
        How many heavy jobs run at once.
    queue_size : int, default 100
        How many more heavy jobs may wait; `submit` refuses the next one.
    store : str or None, default None
        An SQLAlchemy URL such as ``"sqlite:///jobs.db"`` or ``"postgresql+psycopg://user@host/db"``: jobs outlive the
        process. None keeps them in this process's memory.
    light_workers : int, default 2
        How many light jobs run at once; any number may wait.
    grace : float, default 0.25
        Seconds that `kill` waits for a running job to stop.
    expire_after : float or None, default 86400
        Seconds that a finished job stays readable; None for ever.
    expire_on_read : bool, default False
        Whether a finished job goes after its result was read for the first time.
    lease : float, default 60
        Seconds of silence after which the jobs of another machine's manager are reported as lost. On one machine an
        ended process is noticed at once.

    Attributes
    ----------
    projects : ProjectRegistry
        The owners' projects by name.

    Examples
    --------
    >>> import symjobs as sj
    >>> class Add(sj.Job):
    ...     def __init__(self, a, b):
    ...         self.a, self.b = a, b
    ...
    ...     def run(self, context):
    ...         context.details["sum"] = str(self.a + self.b)
    >>> with sj.JobManager() as manager:
    ...     handle = manager.submit(Add(1, 2))
    ...     handle.result(timeout=10)
    ...     handle.info().details
    {'sum': '3'}
    """

    def __init__(
        self,
        workers: int = 2,
        queue_size: int = 100,
        store: str | None = None,
        *,
        light_workers: int = 2,
        grace: float = 0.25,
        expire_after: float | None = 86400.0,
        expire_on_read: bool = False,
        lease: float = 60.0,
    ) -> None:
        self._settings = Settings(
            workers=workers,
            queue_size=queue_size,
            light_workers=light_workers,
            grace=grace,
            expire_after=expire_after,
            expire_on_read=expire_on_read,
            lease=lease,
        )
        self._store = open_store(store)
        self.projects = ProjectRegistry()
        self._set_up()
        self._tidy()
        _MANAGERS.add(self)

    def _set_up(self) -> None:
        # Everything that a fork leaves broken.
        self._lock = threading.Lock()
        self._runs: dict[int, Run] = {}  # unfinished, or finished and not elsewhere
        self._ended: weakref.WeakValueDictionary[int, Run] = weakref.WeakValueDictionary()  # while a handle lives
        self._unsaved: dict[int, Run] = {}  # ended, but the store could not be told
        settings = self._settings
        self._heavy = Lane("heavy", settings.workers, settings.queue_size, self._execute)
        self._light = Lane("light", settings.light_workers, None, self._execute)
        self._next_tidy = 0.0
        self._keeper: Keeper | None = None
        if isinstance(self._store, SharedStore):
            self._keeper = Keeper(self._store, settings.lease, self._live, self._on_kill, self._upkeep)

    def submit(self, job: Job, owner: str = DEFAULT_OWNER) -> JobHandle:
        """Give a job a number and queue it.

        Parameters
        ----------
        job : Job
            The job; its own ``check`` is called first.
        owner : str, default "local"
            Whose job it is, 1 to 255 printable characters.

        Returns
        -------
        JobHandle

        Raises
        ------
        QueueFull
            If the job is heavy and `queue_size` others wait already.
        InputError, ProjectError
            If the job cannot run, for instance on a deleted project.
        ManagerClosed, StoreError
            If the manager was shut down, or the store cannot be written.
        """
        if not isinstance(job, Job):
            raise InputError(f"submit takes a Job, not {type(job).__name__}")
        check_owner(owner)
        job.check()
        details = Details(job.details()).data
        lane = self._lane(job.bounded)
        lane.reserve()
        try:
            record = self._add(job, owner, details)
        except BaseException:
            lane.release()
            raise
        run = Run(record, job)
        with self._lock:
            self._runs[run.id] = run
        lane.put(run)
        return JobHandle(self, owner, run.id, run)

    def get(self, owner: str, job_id: int | str) -> JobHandle:
        """Return a handle for an owner's job, whichever process runs it; raises NoSuchJob."""
        record = self._visible(owner, job_id)
        return JobHandle(self, owner, record.id, self._run(record.id))

    def info(self, owner: str, job_id: int | str) -> JobInfo:
        """Return the JobInfo of an owner's job; raises NoSuchJob."""
        return self._visible(owner, job_id).info()

    def list(self, owner: str = DEFAULT_OWNER) -> list[JobInfo]:
        """Return the JobInfo of every job of an owner, oldest first, without killed and expired ones."""
        if not is_owner(owner):
            return []
        self._tidy()
        return [self._current(record).info() for record in self._store.owned(owner)]

    def answer(self, owner: str, job_id: int | str) -> Answer:
        """Return what a client that asks for a job gets: its state and, by that, its entities or its error.

        Raises
        ------
        NoSuchJob
            If the job is unknown, killed or expired, or another owner's.
        """
        record = self._visible(owner, job_id)
        if record.state is not State.DONE:
            return Answer(state=record.state, info=record.info(), error=record.error)
        values = self._read(record.id)
        if values is None:
            raise _no_such_job(owner, job_id)
        return Answer(state=record.state, info=record.info(), values=values)

    def kill(self, owner: str, job_id: int | str) -> bool:
        """Kill a job: a queued one never starts, a running one stops at its next checkpoint.

        Returns
        -------
        bool
            Whether it stopped within the grace time. If it did not, it still counts as killed when its work returns.
            False also for a job that has finished already.

        Raises
        ------
        NoSuchJob
            If the job is unknown, killed or expired, or another owner's.
        """
        record = self._visible(owner, job_id)
        if record.state.final:
            return False
        after = self._store.change(record.id, Event.KILL, unfinished(record, self._settings.expiry()))
        if after is None:
            raise _no_such_job(owner, job_id)
        if after.state.final:
            self._on_kill(after.id, after.state)
            return after.state is State.KILLED
        return self._stop(after)

    def shutdown(self, timeout: float | None = None) -> None:
        """Take no more jobs, and end those that are there. Results stay readable.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for queued and running jobs; what is left then is stopped and reported as failed. By
            default waits for all of them.
        """
        lanes = (self._heavy, self._light)
        for lane in lanes:
            lane.close()
        deadline = None if timeout is None else time.monotonic() + timeout
        for lane in lanes:
            if not lane.wait_empty(None if deadline is None else deadline - time.monotonic()):
                self._clear(lane)
        if self._keeper is not None:
            self._keeper.stop()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(timeout=None if kind is None else 0)

    # For handles.

    def has_ended(self, owner: str, job_id: int) -> bool:
        """Whether a job has ended, in whatever way."""
        self._tidy()
        record = self._store.get(owner, job_id)
        return record is None or self._current(record).state.final

    def wait(self, owner: str, job_id: int, run: Run | None, timeout: float | None) -> Any:
        """Wait for a job and return its result, as `JobHandle.result` describes."""
        if run is not None:
            if not run.finished.wait(timeout):
                raise TimeoutError(f"job {job_id} has not ended within {timeout} seconds")
            state, error, cause = run.ended, run.error, run.exception
        else:
            record = self._wait_for_store(owner, job_id, timeout)
            state, error, cause = record.state, record.error, None
        if state is State.KILLED:
            raise JobKilled(f"job {job_id} was killed")
        if state is State.FAILED:
            raise JobFailed(error) from cause
        if run is None:
            values = self._read(job_id)
            if values is None:
                raise _no_such_job(owner, job_id)
            return StoredResult(values)
        if self._settings.expire_on_read:
            self._read(job_id)
        return run.result

    # Running a job: called by the lanes' threads.

    def _execute(self, run: Run) -> None:
        try:
            self._start_and_finish(run)
        except Exception:
            logger.exception("job %s", run.id)
            self._end_unsaved(run, "the job manager failed; its log says how")

    def _start_and_finish(self, run: Run) -> None:
        try:
            record = self._store.change(run.id, Event.START)
        except StoreError as error:
            self._end_unsaved(run, f"the job could not be started: {error}")
            return
        if record is None or record.state is not State.RUNNING:  # killed while it waited, or taken for lost
            self._end(run, State.KILLED if record is None else record.state, "" if record is None else record.error)
            return
        outcome = msgspec.structs.replace(run.perform(), expires=self._settings.expiry())
        event = Event.SUCCEED if outcome.values is not None else Event.FAIL
        try:
            record = self._save(run.id, event, outcome)
        except StoreError as error:
            self._end_unsaved(run, f"the result could not be stored: {error}")
            return
        self._end(run, State.KILLED if record is None else record.state, "" if record is None else record.error)

    def _save(self, job_id: int, event: Event, outcome: Outcome) -> Record | None:
        for pause in _SAVE_PAUSES:
            try:
                return self._store.change(job_id, event, outcome)
            except StoreError as error:
                logger.warning("%s; will try again", error)
                time.sleep(pause)
        return self._store.change(job_id, event, outcome)

    def _end(self, run: Run, state: State, error: str = "") -> None:
        with self._lock:
            if run.ended is not None:  # by `shutdown`, which did not wait any longer
                return
            run.end(state, error)
            if self._keeper is not None or state is State.KILLED:
                self._runs.pop(run.id, None)
                self._ended[run.id] = run
        if self._keeper is not None and run.id not in self._unsaved:
            self._keeper.release()

    def _end_unsaved(self, run: Run, error: str) -> None:
        # The keeper goes on until the store can be told (`_upkeep`).
        logger.error("job %s: %s", run.id, error)
        with self._lock:
            self._unsaved[run.id] = run
        self._end(run, State.FAILED, error)

    # Killing.

    def _on_kill(self, job_id: int, state: State) -> None:
        # Also called by the keeper, for kills by other processes. A job that is in neither the lane nor `_runs` is
        # on its way from or to there; it finds in the store that it was killed.
        run = self._runs.get(job_id)
        if run is None:
            return
        run.context.stop(f"job {job_id} was killed")
        if state.final and self._lane(run.bounded).withdraw(run):
            self._end(run, state)
            run.finished.set()

    def _stop(self, record: Record) -> bool:
        run = self._runs.get(record.id)
        if run is not None:
            run.context.stop(f"job {record.id} was killed")
            return run.finished.wait(self._settings.grace) and run.ended is State.KILLED
        try:
            return self._wait_for_store(record.owner, record.id, self._settings.grace).state is State.KILLED
        except TimeoutError:
            return False
        except NoSuchJob:  # it has ended, and what is to be killed ends killed
            return True

    def _clear(self, lane: Lane) -> None:
        for run in lane.jobs():
            if lane.withdraw(run):
                self._abandon(run)
                run.finished.set()
            else:
                run.context.stop(_SHUT_DOWN)
        if not lane.wait_empty(self._settings.grace):
            for run in lane.jobs():
                self._abandon(run)
                run.finished.set()

    def _abandon(self, run: Run) -> None:
        try:
            record = self._store.change(run.id, Event.ABANDON, self._lost(run, _SHUT_DOWN))
        except StoreError as error:
            self._end_unsaved(run, f"{_SHUT_DOWN}; {error}")
        else:
            self._end(run, State.KILLED if record is None else record.state, _SHUT_DOWN)

    def _lost(self, run: Run, error: str) -> Outcome:
        current, maximum = run.context.read_progress()
        expires = self._settings.expiry()
        return Outcome(
            current=current, maximum=maximum, details=run.context.read_details(), error=error, expires=expires
        )

    # Reading.

    def _visible(self, owner: str, job_id: int | str) -> Record:
        number = parse_id(job_id)
        if number is None or not is_owner(owner):
            raise _no_such_job(owner, job_id)
        self._tidy()
        record = self._store.get(owner, number)
        if record is None or not record.visible(now_ms()):
            raise _no_such_job(owner, job_id)
        return self._current(record)

    def _current(self, record: Record) -> Record:
        """Return the record with what this process knows better than the store."""
        unsaved = self._unsaved.get(record.id)
        if unsaved is not None and not record.state.final:
            return msgspec.structs.replace(record, state=State.FAILED, error=unsaved.error)
        run = self._runs.get(record.id)
        if run is None or record.state is not State.RUNNING:
            return record
        if self._keeper is not None:
            self._keeper.save([run])  # first, so that no other process shows a smaller number afterwards
        current, maximum = run.context.read_progress()
        return msgspec.structs.replace(record, current=current, maximum=maximum, details=run.context.read_details())

    def _wait_for_store(self, owner: str, job_id: int, timeout: float | None) -> Record:
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = _SHORTEST_POLL
        while True:
            self._tidy()
            record = self._store.get(owner, job_id)
            if record is None:
                raise _no_such_job(owner, job_id)
            if self._current(record).state.final:
                return self._current(record)
            left = pause if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"job {job_id} has not ended within {timeout} seconds")
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_POLL)

    def _read(self, job_id: int) -> bytes | None:
        if not self._settings.expire_on_read:
            return self._store.values(job_id)
        values = self._store.take(job_id)
        with self._lock:
            self._runs.pop(job_id, None)
        return values

    def _run(self, job_id: int) -> Run | None:
        with self._lock:
            return self._runs.get(job_id) or self._ended.get(job_id)

    # Upkeep.

    def _tidy(self) -> None:
        """Now and then: remove expired jobs, and report those whose process is gone."""
        now = time.monotonic()
        if now < self._next_tidy:
            return
        self._next_tidy = now + _TIDY_SECONDS
        expired = self._store.expire()
        with self._lock:
            for job_id in expired:
                self._runs.pop(job_id, None)
        if isinstance(self._store, SharedStore):
            self._store.fail_lost_jobs(self._settings.lease, self._settings.expiry())

    def _upkeep(self) -> None:
        # Called by the keeper only.
        for run in list(self._unsaved.values()):
            self._store.change(run.id, Event.ABANDON, self._lost(run, run.error))
            with self._lock:
                del self._unsaved[run.id]
            if self._keeper is not None:
                self._keeper.release()
        self._tidy()

    def _live(self) -> Sequence[Run]:
        with self._lock:
            return [run for run in self._runs.values() if run.ended is None]

    def _lane(self, bounded: bool) -> Lane:
        return self._heavy if bounded else self._light

    def _add(self, job: Job, owner: str, details: dict[str, str]) -> Record:
        if self._keeper is None:
            return self._store.add(owner, job.job_type, job.bounded, details)
        self._keeper.hold()
        try:
            return self._store.add(owner, job.job_type, job.bounded, details)
        except BaseException:
            self._keeper.release()
            raise

    def _after_fork(self) -> None:
        self._store.after_fork()
        self._set_up()


def _no_such_job(owner: object, job_id: object) -> NoSuchJob:
    return NoSuchJob(f"owner {_short(owner)} has no job {_short(job_id)}: it is unknown, was killed or has expired")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


# Worker threads are daemons, so that a job that cannot be stopped does not keep the interpreter from ending; and a
# forked child has none of them. Both need to know the managers.
_MANAGERS: weakref.WeakSet[JobManager] = weakref.WeakSet()


def _shut_down_all() -> None:
    for manager in list(_MANAGERS):
        manager.shutdown(timeout=0)


def _reset_all() -> None:
    for manager in list(_MANAGERS):
        manager._after_fork()


atexit.register(_shut_down_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
