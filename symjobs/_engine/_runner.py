"""Runs jobs in this process. It has newer facts of them than the store."""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from symjobs._engine._child import Unsendable
from symjobs._engine._counts import Counter, JobCounts
from symjobs._engine._execution import JobExecution
from symjobs._engine._failure import internal_error
from symjobs._engine._handle import StoredResult
from symjobs._engine._job import Job, JobContext
from symjobs._engine._log import logger
from symjobs._engine._pool import WorkerPool
from symjobs._engine._processes import ProcessPool
from symjobs._engine._record import Outcome, Record
from symjobs._engine._run import run_here
from symjobs._engine._settings import Schedule, Settings
from symjobs._engine._states import Event, State
from symjobs._engine._store import SharedStore, Store
from symjobs._engine._sync import NoStoreSync, StoreSync
from symjobs._errors import StoreError
from symkernels import thread_count

_SAVE_PAUSES = (0.05, 0.5)  # between attempts to save a result
_SHORTEST_GRACE = 0.05  # seconds that a job has to stop, however soon the manager shall be shut down
_SHUT_DOWN = "the job manager was shut down before the job finished"


class Runner:
    """The pools for heavy and light jobs, and the jobs in them.

    Parameters
    ----------
    store : Store
        Where the jobs are kept. The first change of a job there wins, which decides how the job ends.
    settings : Settings
        The manager's settings.
    counter : Counter
        Counts the jobs that end.
    upkeep : callable
        Called every second while there are unfinished jobs in a shared store.
    """

    def __init__(self, store: Store, settings: Settings, counter: Counter, upkeep: Callable[[], None]) -> None:
        self._store = store
        self._settings = settings
        self._counter = counter
        self._manager_upkeep = upkeep
        self._lock = threading.Lock()
        # With a shared store the result object lives as long as a handle holds it; the store has the result.
        # With the store in memory, ended jobs stay here until they expire.
        self._shared = isinstance(store, SharedStore)
        self._executions: dict[int, JobExecution] = {}
        self._held: weakref.WeakValueDictionary[int, JobExecution] = weakref.WeakValueDictionary()
        self._unsaved: dict[int, JobExecution] = {}  # ended, and not yet written to the store
        per_owner = settings.max_running_per_owner
        self._heavy = WorkerPool("heavy", settings.workers, settings.queue_size, per_owner, self._execute)
        self._light = WorkerPool("light", settings.light_workers, None, per_owner, self._execute)
        self._limits = settings.owner_limits
        self._processes: ProcessPool | None = None
        self._sync: StoreSync | NoStoreSync = NoStoreSync()
        if isinstance(store, SharedStore):
            self._sync = StoreSync(store, settings.lease, self._live, self.stop, self._upkeep)

    def add(self, job: Job, owner: str, details: dict[str, str], schedule: Schedule) -> JobExecution:
        """Keep a new job in the store and queue it; raises QueueFull."""
        pool = self._pool(job.bounded)
        pool.reserve()
        try:
            self._sync.hold()
            try:
                record = self._store.add(owner, job.job_type, job.bounded, details, self._limits)
            except BaseException:
                self._sync.release()
                raise
        except BaseException:
            pool.release()
            raise
        isolated = schedule.isolate
        if isolated is None:
            isolated = self._settings.isolate and job.isolable and job.bounded
        limits = [limit for limit in (schedule.time_limit, self._settings.time_limit) if limit is not None]
        execution = JobExecution(record, job, schedule.priority, min(limits, default=None), isolated)
        with self._lock:
            self._executions[execution.id] = execution
        pool.put(execution)
        return execution

    def find(self, job_id: int) -> JobExecution | None:
        """Return a job that this process runs, or ran and still holds."""
        with self._lock:
            return self._executions.get(job_id) or self._held.get(job_id)

    def current(self, record: Record) -> Record:
        """Return a record with the newer facts of this process: progress, and an outcome that is not yet stored."""
        unsaved = self._unsaved.get(record.id)
        if unsaved is not None and not record.state.final:
            return msgspec.structs.replace(record, state=State.FAILED, error=unsaved.error)
        execution = self._executions.get(record.id)
        if execution is None or record.state is not State.RUNNING:
            return record
        # In the store first, so that no other process shows a smaller number afterwards. If it cannot be written now,
        # what it has is shown.
        with contextlib.suppress(StoreError):
            self._sync.save([execution])
        (current, maximum), details = execution.saved if self._shared else execution.reported()
        return msgspec.structs.replace(record, current=current, maximum=maximum, details=details)

    def stop(self, job_id: int, state: State) -> None:
        """Stop a job that was killed while it waited, or has a pending kill, as the store says."""
        # A job that is not in `_executions` will be there soon, or has ended. It reads the kill from the store.
        execution = self._executions.get(job_id)
        if execution is None:
            return
        execution.context.stop(f"job {job_id} was killed")
        if state.final and self._pool(execution.bounded).withdraw(execution):
            self._end(execution, state)
            execution.clean_up()
            execution.finish()

    def counts(self) -> JobCounts:
        """Return the counts, with the jobs of now."""
        sizes = {"heavy": self._heavy.sizes(), "light": self._light.sizes()}
        ended, refused = self._counter.read()
        return JobCounts(
            queued={name: waiting for name, (waiting, _) in sizes.items()},
            running={name: running for name, (_, running) in sizes.items()},
            ended=ended,
            refused=refused,
            workers_replaced=self._heavy.deaths + self._light.deaths,
        )

    def forget(self, job_ids: Iterable[int]) -> None:
        """Release jobs that have expired."""
        with self._lock:
            for job_id in job_ids:
                self._executions.pop(job_id, None)

    def shut_down(self, timeout: float | None) -> None:
        """Refuse new jobs and wait for the others; fail those that are left after `timeout` seconds."""
        pools = (self._heavy, self._light)
        for pool in pools:
            pool.close()
        if timeout is None:
            for pool in pools:
                pool.wait_empty(None)
        else:
            grace = max(_SHORTEST_GRACE, min(self._settings.grace, timeout))
            deadline = time.monotonic() + max(timeout, grace)
            for pool in pools:
                pool.wait_empty(deadline - grace - time.monotonic())
            waiting = [execution for pool in pools for execution in pool.jobs() if pool.withdraw(execution)]
            for pool in pools:
                for execution in pool.jobs():
                    execution.context.stop(_SHUT_DOWN)
            self._abandon(waiting)
            for pool in pools:
                if not pool.wait_empty(deadline - time.monotonic()):
                    self._abandon(pool.jobs())
        self._sync.stop()
        if self._processes is not None:
            self._processes.close()

    def after_fork(self) -> None:
        """In a forked child: leave the unfinished jobs to the parent."""
        for execution in list(self._executions.values()):  # no lock: a thread of the parent may have held it
            execution.here = execution.finished.is_set()

    # On the pools' threads.

    def _execute(self, execution: JobExecution) -> None:
        try:
            self._start_and_finish(execution)
        except BaseException as error:  # noqa: BLE001 - the worker goes on, and the job has an outcome
            logger.exception("%s", internal_error(execution.id), extra=execution.fields())
            self._end_unsaved(execution, f"the job manager failed: {type(error).__name__}; its log says more")
        finally:
            execution.clean_up()

    def _start_and_finish(self, execution: JobExecution) -> None:
        try:
            record = self._store.change(execution.id, Event.START)
        except StoreError as error:
            self._end_unsaved(execution, f"the job could not be started: {error}")
            return
        if record is None or record.state is not State.RUNNING:  # it was killed while it waited, or counted as lost
            self._end_as(execution, record)
            return
        run = self._run_isolated if execution.isolated else run_here
        outcome = msgspec.structs.replace(execution.perform(run), expires=self._settings.expiry())
        try:
            record = self._save(execution.id, outcome)
        except StoreError as error:
            self._end_unsaved(execution, f"the result could not be stored: {error}")
            return
        self._end_as(execution, record)

    def _run_isolated(self, job: Job, context: JobContext) -> tuple[Any, bytes]:
        with self._lock:
            if self._processes is None:
                self._processes = ProcessPool(max(1, thread_count() // self._settings.workers))
        result, values = self._processes.run(job, context)
        return StoredResult(values) if isinstance(result, Unsendable) else result, values

    def _save(self, job_id: int, outcome: Outcome) -> Record | None:
        event = Event.SUCCEED if outcome.values is not None else Event.FAIL
        for pause in _SAVE_PAUSES:
            try:
                return self._store.change(job_id, event, outcome)
            except StoreError as error:
                logger.warning("%s; will try again", error)
                time.sleep(pause)
        return self._store.change(job_id, event, outcome)

    def _end_as(self, execution: JobExecution, record: Record | None) -> None:
        # The store forgets nothing but killed jobs before they have ended.
        if record is None:
            self._end(execution, State.KILLED)
        else:
            self._end(execution, record.state, record.error)

    def _end(self, execution: JobExecution, state: State, error: str = "", *, saved: bool = True) -> None:
        with self._lock:
            if execution.ended is not None:  # by `shut_down`, after its timeout
                return
            execution.end(state, error)
            self._counter.count_end(execution.job_type, state.value, execution.seconds)
            if not saved:
                self._unsaved[execution.id] = execution
            if self._shared or state is State.KILLED:
                self._executions.pop(execution.id, None)
                self._held[execution.id] = execution
        logger.debug(
            "%s %d: %s after %.3f s",
            execution.job_type,
            execution.id,
            state,
            execution.seconds,
            extra=execution.fields(),
        )
        if saved:
            self._sync.release()

    def _end_unsaved(self, execution: JobExecution, error: str) -> None:
        # The instance stays until the outcome is stored (`_upkeep`).
        logger.error("%s: %s", internal_error(execution.id), error, extra=execution.fields())
        self._end(execution, State.FAILED, error, saved=False)

    # Shutting down.

    def _abandon(self, executions: Iterable[JobExecution]) -> None:
        trouble: StoreError | None = None
        for execution in executions:
            # Only one of them waits for a store that cannot be written now: there is no time for more. Other managers
            # find the rest lost once this process has ended.
            record = None
            if trouble is None:
                try:
                    outcome = self._lost(execution, _SHUT_DOWN)
                    record = self._store.change(execution.id, Event.ABANDON, outcome, soon=True)
                except StoreError as error:
                    trouble = error
            if trouble is not None:
                self._end_unsaved(execution, f"{_SHUT_DOWN}; {trouble}")
            else:
                logger.error("%s: %s", internal_error(execution.id), _SHUT_DOWN, extra=execution.fields())
                self._end_as(execution, record)
            execution.clean_up()
            execution.finish()

    def _lost(self, execution: JobExecution, error: str) -> Outcome:
        (current, maximum), details = execution.reported()
        expires = self._settings.expiry()
        return Outcome(current=current, maximum=maximum, details=details, error=error, expires=expires)

    # On the thread that synchronises.

    def _upkeep(self) -> None:
        for execution in list(self._unsaved.values()):
            self._store.change(execution.id, Event.ABANDON, self._lost(execution, execution.error))
            with self._lock:
                del self._unsaved[execution.id]
            self._sync.release()
        self._manager_upkeep()

    def _live(self) -> Sequence[JobExecution]:
        with self._lock:
            return [execution for execution in self._executions.values() if execution.ended is None]

    def _pool(self, bounded: bool) -> WorkerPool:
        return self._heavy if bounded else self._light
