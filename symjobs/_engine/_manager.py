"""The manager: takes jobs, runs them, and answers questions about them."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import numbers
import os
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from symjobs._engine._counts import Counter, JobCounts
from symjobs._engine._execution import JobExecution, clean_up, running_here
from symjobs._engine._failure import internal_error
from symjobs._engine._handle import JobHandle, StoredResult
from symjobs._engine._ids import DEFAULT_OWNER, check_owner, is_owner, parse_id
from symjobs._engine._job import Details, Job
from symjobs._engine._log import logger
from symjobs._engine._record import Answer, Record, now_ms, unfinished
from symjobs._engine._runner import Runner
from symjobs._engine._settings import LONGEST, Schedule, Settings
from symjobs._engine._states import Event, State
from symjobs._engine._store import SharedStore, open_store
from symjobs._entities import JobInfo
from symjobs._errors import InputError, JobError, JobFailed, JobKilled, NoSuchJob, QueueFull, StoreError
from symjobs._registry import ProjectRegistry, open_registry
from symjobs._text import shown

_MAINTENANCE_SECONDS = 1.0
_SWEEP_SECONDS = 3600.0
_CHECKPOINT_SECONDS = 0.05  # while a job waits for one of another manager
_SHORTEST_POLL, _LONGEST_POLL = 0.01, 0.25  # for jobs that run in other processes


class JobManager:
    """Runs jobs on threads of this process, and keeps them in a store.

    Heavy jobs (``bounded``) wait in a queue for `workers` threads; light ones have threads of their own. Managers in
    several processes may share a store. Then each of them answers for all jobs, and can kill them.

    Parameters
    ----------
    workers : int, default 2
        Heavy jobs that run at the same time.
    queue_size : int, default 100
        Heavy jobs that may wait; `submit` refuses the next one.
    store : str or None, default None
        An SQLAlchemy URL such as ``"sqlite:///jobs.db"`` or ``"postgresql+psycopg://user@host/db"``. None keeps the
        jobs in memory, and they end with the process.
    light_workers : int, default 2
        Light jobs that run at the same time; any number may wait.
    grace : float, default 0.25
        Seconds that `kill` waits for a running job to stop.
    expire_after : float or None, default 86400
        Seconds that a finished job stays readable; None for ever.
    expire_on_read : bool, default False
        Whether a finished job is removed when its result is read for the first time.
    lease : float, default 60
        Seconds without a sign of life after which managers on other machines count the jobs of this one as lost. On the
        same machine only the end of the process counts.
    time_limit : float or None, default None
        Seconds that a job may run; then it is stopped, and fails. None for any time.
    max_running_per_owner : int or None, default None
        Jobs of one owner that run at the same time in this manager; the others wait. None for any number.
    max_queued_per_owner : int or None, default None
        Jobs of one owner that may wait in the store; `submit` refuses the next one. None for any number.
    max_bytes_per_owner : int or None, default None
        Bytes of an owner's results in the store from which on `submit` refuses further jobs. None for any number.
    max_bytes : int or None, default None
        Bytes of all results in the store; the oldest are removed when there are more. None for any number.
    folder : path, optional
        Where results of 1 MiB and more are kept, as files with a checksum. By default it is beside the database of
        SQLite: ``jobs.db.files``; with other databases such results are in the database. Managers that share a store
        need the same folder.
    projects : {"auto", "memory", "shared"}, default "auto"
        Where `projects` are: ``memory`` of this process, or ``shared`` by all processes with the same folder, as files
        that outlive them. ``auto`` shares them if there is a folder.
    unload_after : float or None, default 3600
        Seconds after which a shared project that nobody has asked for leaves the memory; it stays in its files. None
        for never.
    isolate : bool, default False
        Whether heavy jobs run in processes of their own, if their types allow it. Then a kill or a time limit ends them
        also within one long step, and a crash is a failed job. Each process uses its share of the threads.
    show_errors : bool, default False
        Whether clients see every error of a job. By default they see the message if it is about their input, and
        ``Internal error {number}`` if not; the log explains the number. `JobHandle.result` always says everything.

    Attributes
    ----------
    projects : ProjectRegistry
        The owners' projects by name. What one process learns into a shared project, all others see.

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
    ...     handle.info().details["sum"]
    '3'
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
        time_limit: float | None = None,
        max_running_per_owner: int | None = None,
        max_queued_per_owner: int | None = None,
        max_bytes_per_owner: int | None = None,
        max_bytes: int | None = None,
        folder: str | os.PathLike[str] | None = None,
        projects: Literal["auto", "memory", "shared"] = "auto",
        unload_after: float | None = 3600.0,
        isolate: bool = False,
        show_errors: bool = False,
    ) -> None:
        self._settings = Settings(
            workers=workers,
            queue_size=queue_size,
            light_workers=light_workers,
            grace=grace,
            expire_after=expire_after,
            expire_on_read=expire_on_read,
            lease=lease,
            time_limit=time_limit,
            max_running_per_owner=max_running_per_owner,
            max_queued_per_owner=max_queued_per_owner,
            max_bytes_per_owner=max_bytes_per_owner,
            max_bytes=max_bytes,
            unload_after=unload_after,
            isolate=isolate,
            show_errors=show_errors,
        )
        if folder is not None and store is None:
            raise InputError("folder is for a store that outlives the process; give store=, too")
        self._store = open_store(store, folder)
        self.projects: ProjectRegistry = open_registry(self._project_folder(projects))
        self._counter = Counter()
        self._set_up()
        self._run_maintenance()
        _MANAGERS.add(self)

    def _project_folder(self, projects: str) -> Path | None:
        if projects not in ("auto", "memory", "shared"):
            raise InputError(f"projects must be 'auto', 'memory' or 'shared', got {shown(projects)}")
        folder = self._store.folder if isinstance(self._store, SharedStore) else None
        if projects == "shared" and folder is None:
            raise InputError("projects='shared' needs a folder that all processes use; give folder= and store=")
        return None if projects == "memory" or folder is None else folder / "projects"

    def _set_up(self) -> None:
        # After a fork, too: a child inherits neither threads nor usable locks.
        self._runner = Runner(self._store, self._settings, self._counter, self._run_maintenance)
        self._next_maintenance = 0.0
        self._next_sweep = 0.0

    def submit(
        self,
        job: Job,
        owner: str = DEFAULT_OWNER,
        *,
        priority: int = 0,
        time_limit: float | None = None,
        isolate: bool | None = None,
    ) -> JobHandle:
        """Queue a job, and return its handle.

        Parameters
        ----------
        job : Job
            The job; its ``check`` is called first.
        owner : str, default "local"
            Whose job it is: 1 to 255 printable characters, without ``/``.
        priority : int, default 0
            From -1000 to 1000. Of the jobs that wait, the one with the highest priority runs first.
        time_limit : float, optional
            Seconds that the job may run, if the manager's own limit is not shorter. Checkpoints look at it.
        isolate : bool, optional
            Whether the job runs in a process of its own; by default as the manager's `isolate` says.

        Returns
        -------
        JobHandle

        Raises
        ------
        QueueFull
            If the job is heavy and `queue_size` others wait already, the owner has as much as the manager's limits
            allow, or no thread can start.
        InputError, ProjectError
            If the job cannot run, for instance on a deleted project.
        ManagerClosed, StoreError
            If the manager was shut down, or the store cannot be written.
        """
        if not isinstance(job, Job):
            raise InputError(f"submit takes a Job, not {type(job).__name__}")
        try:
            check_owner(owner)
            schedule = Schedule(priority=priority, time_limit=time_limit, isolate=isolate)
            if schedule.isolate and not job.isolable:
                raise InputError(f"{job.job_type} changes objects of this process and cannot run in another one")
            job.check()
            execution = self._runner.add(job, owner, Details({**job.details(), **job.notes}).data, schedule)
        except BaseException as error:
            if isinstance(error, QueueFull):
                self._counter.count_refusal(job.job_type)
            clean_up(job)
            raise
        return JobHandle(self, owner, execution.id, execution)

    def get(self, owner: str, job_id: int | str) -> JobHandle:
        """Return a handle for an owner's job, also for one that another process runs.

        Parameters
        ----------
        owner : str
            Who asks.
        job_id : int or str
            The job's number, also as text.

        Raises
        ------
        NoSuchJob
            If the job is unknown, killed or expired, or another owner's.
        """
        record = self._visible(owner, job_id)
        return JobHandle(self, owner, record.id, self._runner.find(record.id))

    def info(self, owner: str, job_id: int | str) -> JobInfo:
        """Return the JobInfo of an owner's job; raises NoSuchJob as `get` does.

        Parameters
        ----------
        owner : str
            Who asks.
        job_id : int or str
            The job's number, also as text.
        """
        return self._visible(owner, job_id).info(self._settings.show_errors)

    def list(self, owner: str = DEFAULT_OWNER) -> list[JobInfo]:
        """Return the JobInfo of every job of an owner, oldest first, without killed and expired ones."""
        if not is_owner(owner):
            return []
        self._run_maintenance()
        everything = self._settings.show_errors
        return [self._runner.current(record).info(everything) for record in self._store.owned(owner)]

    @property
    def show_errors(self) -> bool:
        """Whether clients see every error."""
        return self._settings.show_errors

    def answer(self, owner: str, job_id: int | str) -> Answer:
        """Return what a client gets for a job: its state, and its entities or its error.

        Parameters
        ----------
        owner : str
            Who asks.
        job_id : int or str
            The job's number, also as text.

        Raises
        ------
        NoSuchJob
            If the job is unknown, killed or expired, or another owner's.
        """
        record = self._visible(owner, job_id)
        everything = self._settings.show_errors
        info = record.info(everything)
        if record.state is not State.DONE:
            return Answer(state=record.state, info=info, error=record.shown_error(everything))
        values = self._read(record.id)
        if values is None:
            raise _no_such_job(owner, job_id)
        return Answer(state=record.state, info=info, values=values)

    def kill(self, owner: str, job_id: int | str) -> bool:
        """Kill a job. A queued job never starts; a running job stops at its next checkpoint.

        Parameters
        ----------
        owner : str
            Who asks.
        job_id : int or str
            The job's number, also as text.

        Returns
        -------
        bool
            Whether it stopped within the grace time. If not, it ends as killed when its work returns. False also for
            a job that has finished already, and at once for the job that asks.

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
        execution = self._runner.find(after.id)
        self._runner.stop(after.id, after.state)
        if after.state.final:
            return after.state is State.KILLED
        if execution is not None and execution is self._caller():  # a job that kills itself does not wait for itself
            return False
        if execution is not None:
            return execution.finished.wait(self._settings.grace) and execution.ended is State.KILLED
        try:
            return self._wait_for_store(owner, after.id, self._settings.grace).state is State.KILLED
        except TimeoutError:
            return False
        except NoSuchJob:  # a job with a pending kill always ends as killed
            return True

    def shutdown(self, timeout: float | None = None) -> None:
        """Refuse new jobs, and wait for the others to end. Results stay readable.

        Parameters
        ----------
        timeout : float, optional
            Seconds in which it ends. Queued and running jobs have this time less `grace` to finish; then they are
            stopped, and end as failed. By default there is no limit.

        Raises
        ------
        JobError
            If one of the manager's own jobs calls it.
        InputError
            If the timeout is no number.
        """
        running = self._caller()
        if running is not None:
            raise JobError(f"job {running.id} cannot shut down the job manager that runs it; leave that to its caller")
        self._runner.shut_down(_seconds(timeout))
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(timeout=None if kind is None else 0)

    async def wait(self, job: JobHandle, timeout: float | None = None) -> Any:
        """Wait for a job in a coroutine, and return its result. ``await handle`` does the same without a timeout.

        If the coroutine is cancelled, the job goes on.

        Parameters
        ----------
        job : JobHandle
            The handle of a job of this manager, or of another one of its store.
        timeout : float, optional
            Seconds to wait at most; by default without limit.

        Returns
        -------
        object
            As `JobHandle.result`.

        Raises
        ------
        JobFailed, JobKilled, TimeoutError, JobError, NoSuchJob
            As `JobHandle.result`.

        Examples
        --------
        >>> import asyncio
        >>> import symjobs as sj
        >>> project = sj.Project("iris").learn(sj.datasets.load_iris())
        >>> async def ask(manager):
        ...     return await manager.wait(manager.submit(sj.SVDJob(project)), timeout=60)
        >>> with sj.JobManager() as manager:
        ...     result = asyncio.run(ask(manager))
        >>> result.values.round(2)
        array([4.2 , 0.24, 0.08, 0.02])
        """
        if not isinstance(job, JobHandle):
            raise InputError(f"wait takes a JobHandle, not {type(job).__name__}")
        timeout = _seconds(timeout)
        self._check_not_in_job(job.owner, job.id)
        if not await self.ends_within(job, timeout):
            raise TimeoutError(f"job {job.id} has not ended within {timeout} seconds")
        return await asyncio.to_thread(self.result_of, job.owner, job.id, job._execution, LONGEST)

    def counts(self) -> JobCounts:
        """Return how many jobs of this manager wait, run, have ended (by type and outcome) and were refused."""
        return self._runner.counts()

    # For handles and servers.

    async def ends_within(self, job: JobHandle, timeout: float | None) -> bool:
        """Wait for the end of a job in a coroutine, and return whether it came in time.

        Parameters
        ----------
        job : JobHandle
            The handle of a job of this manager, or of another one of its store.
        timeout : float or None
            Seconds to wait at most; None without limit.
        """
        execution = job._execution
        try:
            async with asyncio.timeout(timeout):
                if execution is not None:
                    await _finished(execution)
                else:
                    pause = _SHORTEST_POLL
                    while not await asyncio.to_thread(self.has_ended, job.owner, job.id):
                        await asyncio.sleep(pause)
                        pause = min(2 * pause, _LONGEST_POLL)
        except TimeoutError:
            return False
        return True

    def is_unfinished_here(self, job_id: int | str) -> bool:
        """Whether this manager itself has the job in its queue or runs it. Nothing is read from the store.

        Parameters
        ----------
        job_id : int or str
            The job's number, also as text.
        """
        number = parse_id(job_id)
        execution = None if number is None else self._runner.find(number)
        return execution is not None and not execution.finished.is_set()

    def has_ended(self, owner: str, job_id: int) -> bool:
        """Whether a job has ended: done, failed or killed."""
        self._run_maintenance()
        record = self._store.get(owner, job_id)
        return record is None or self._runner.current(record).state.final

    def result_of(self, owner: str, job_id: int, execution: JobExecution | None, timeout: float | None) -> Any:
        """Wait for a job and return its result, as `JobHandle.result` describes."""
        timeout = _seconds(timeout)
        self._check_not_in_job(owner, job_id)
        if execution is not None:
            if not _wait(execution, timeout):
                raise TimeoutError(f"job {job_id} has not ended within {timeout} seconds")
            state, error, cause = execution.ended, execution.error, execution.exception
        else:
            record = self._wait_for_store(owner, job_id, timeout)
            state, error, cause = record.state, record.error, None
        if state is State.KILLED:
            raise JobKilled(f"job {job_id} was killed")
        if state is not State.DONE:
            raise JobFailed(error or "the job ended, and how is not known") from cause
        if execution is None:
            values = self._read(job_id)
            if values is None:
                raise _no_such_job(owner, job_id)
            return StoredResult(values)
        if self._settings.expire_on_read:
            self._read(job_id)
        return execution.result

    def _check_not_in_job(self, owner: str, job_id: int) -> None:
        running = self._caller()
        if running is not None and not self.has_ended(owner, job_id):
            raise JobError(
                f"job {running.id} cannot wait for job {job_id}: both belong to one manager; it keeps a worker that "
                f"job {job_id} may need; run the other job in this one with `job.run(context)`, or submit it and return"
            )

    def _caller(self) -> JobExecution | None:
        # The job of this manager that the caller's thread runs.
        running = running_here()
        return running if running is not None and self._runner.find(running.id) is running else None

    # Reading.

    def _visible(self, owner: str, job_id: int | str) -> Record:
        number = parse_id(job_id)
        if number is None or not is_owner(owner):
            raise _no_such_job(owner, job_id)
        self._run_maintenance()
        record = self._store.get(owner, number)
        if record is None or not record.visible(now_ms()):
            raise _no_such_job(owner, job_id)
        return self._runner.current(record)

    def _wait_for_store(self, owner: str, job_id: int, timeout: float | None) -> Record:
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = _SHORTEST_POLL
        while True:
            self._run_maintenance()
            record = self._store.get(owner, job_id)
            if record is None:
                raise _no_such_job(owner, job_id)
            record = self._runner.current(record)
            if record.state.final:
                return record
            _checkpoint()
            left = pause if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"job {job_id} has not ended within {timeout} seconds")
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_POLL)

    def _read(self, job_id: int) -> bytes | None:
        if not self._settings.expire_on_read:
            return self._store.values(job_id)
        values = self._store.take(job_id)
        self._runner.forget([job_id])
        return values

    # Maintenance.

    def _run_maintenance(self) -> None:
        """Remove expired jobs, and fail those whose process is gone; at most once a second."""
        now = time.monotonic()
        if now < self._next_maintenance:
            return
        self._next_maintenance = now + _MAINTENANCE_SECONDS
        try:
            self._runner.forget(self._store.expire())
            if self._settings.unload_after is not None:
                self.projects.unload(self._settings.unload_after)
            if self._settings.max_bytes is not None:
                self._runner.forget(self._store.shrink(self._settings.max_bytes))
            if isinstance(self._store, SharedStore):
                for job_id, reason in self._store.fail_lost_jobs(self._settings.expiry()):
                    logger.error("%s: %s", internal_error(job_id), reason)
                if now >= self._next_sweep:
                    self._next_sweep = now + _SWEEP_SECONDS
                    self._store.sweep()
        except StoreError as error:  # a store that cannot be written now may still be read
            logger.warning("%s; will try again", error)

    def _after_fork(self) -> None:
        self._store.after_fork()
        self.projects.after_fork()
        self._counter = Counter()  # whose lock is free
        self._runner.after_fork()
        self._set_up()


def _seconds(timeout: float | None) -> float | None:
    # None for ever. An event cannot wait for longer than some years.
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, numbers.Real) or timeout != timeout:  # NaN
        raise InputError(f"timeout must be a number of seconds, or None for no limit, got {shown(timeout)}")
    return float(timeout) if timeout < LONGEST else None


def _wait(execution: JobExecution, timeout: float | None) -> bool:
    # A job that waits for one of another manager can be killed meanwhile.
    if running_here() is None:
        return execution.finished.wait(timeout)
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        left = _CHECKPOINT_SECONDS if deadline is None else deadline - time.monotonic()
        if execution.finished.wait(max(0.0, min(_CHECKPOINT_SECONDS, left))):
            return True
        _checkpoint()
        if left <= 0:
            return False


async def _finished(execution: JobExecution) -> None:
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def set_done() -> None:
        if not future.done():  # it may have been cancelled
            future.set_result(None)

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(set_done)

    execution.when_finished(wake)
    try:
        await future
    finally:
        execution.forget_listener(wake)


def _checkpoint() -> None:
    running = running_here()
    if running is not None:
        running.context.checkpoint()


def _no_such_job(owner: object, job_id: object) -> NoSuchJob:
    return NoSuchJob(f"owner {shown(owner)} has no job {shown(job_id)}: it is unknown, was killed or has expired")


# Worker threads are daemons, so that a job that does not stop cannot prevent the end of the interpreter. A forked child
# has none of these threads. At both moments all managers must be known.
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
