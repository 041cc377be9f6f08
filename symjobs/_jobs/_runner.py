"""Running jobs in this process, and what the process knows of them better than the store."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Sequence

import msgspec

from symjobs._errors import StoreError
from symjobs._jobs._job import Job
from symjobs._jobs._keeper import Keeper, NoKeeper
from symjobs._jobs._lane import Lane
from symjobs._jobs._record import Outcome, Record
from symjobs._jobs._run import Run
from symjobs._jobs._settings import Settings
from symjobs._jobs._states import Event, State
from symjobs._jobs._store import SharedStore, Store

logger = logging.getLogger("symjobs.jobs")

_SAVE_PAUSES = (0.05, 0.5)  # between attempts to save a result
_SHUT_DOWN = "the job manager was shut down before the job finished"


class Runner:
    """The lanes for heavy and light jobs, and the jobs in them.

    Parameters
    ----------
    store : Store
        Where the jobs are kept. It decides how each ends: whoever changes a job there first has won.
    settings : Settings
        The manager's settings.
    upkeep : callable
        Called now and then while there are unfinished jobs in a shared store.
    """

    def __init__(self, store: Store, settings: Settings, upkeep: Callable[[], None]) -> None:
        self._store = store
        self._settings = settings
        self._manager_upkeep = upkeep
        self._lock = threading.Lock()
        # A shared store has the results of ended jobs; a job's own result object lives as long as a handle holds it.
        # Without one, ended jobs stay here until they expire.
        self._shared = isinstance(store, SharedStore)
        self._runs: dict[int, Run] = {}
        self._held: weakref.WeakValueDictionary[int, Run] = weakref.WeakValueDictionary()
        self._unsaved: dict[int, Run] = {}  # ended, but the store could not be told
        self._heavy = Lane("heavy", settings.workers, settings.queue_size, self._execute)
        self._light = Lane("light", settings.light_workers, None, self._execute)
        self._keeper: Keeper | NoKeeper = NoKeeper()
        if isinstance(store, SharedStore):
            self._keeper = Keeper(store, settings.lease, self._live, self.stop, self._upkeep)

    def add(self, job: Job, owner: str, details: dict[str, str]) -> Run:
        """Keep a new job in the store and queue it; raises QueueFull."""
        lane = self._lane(job.bounded)
        lane.reserve()
        try:
            self._keeper.hold()
            try:
                record = self._store.add(owner, job.job_type, job.bounded, details)
            except BaseException:
                self._keeper.release()
                raise
        except BaseException:
            lane.release()
            raise
        run = Run(record, job)
        with self._lock:
            self._runs[run.id] = run
        lane.put(run)
        return run

    def find(self, job_id: int) -> Run | None:
        """Return a job that this process runs, or ran and still holds."""
        with self._lock:
            return self._runs.get(job_id) or self._held.get(job_id)

    def current(self, record: Record) -> Record:
        """Return a record with what this process knows better: progress, and an end that could not be stored."""
        unsaved = self._unsaved.get(record.id)
        if unsaved is not None and not record.state.final:
            return msgspec.structs.replace(record, state=State.FAILED, error=unsaved.error)
        run = self._runs.get(record.id)
        if run is None or record.state is not State.RUNNING:
            return record
        # In the store first, so that no other process shows a smaller number afterwards.
        self._keeper.save([run])
        (current, maximum), details = run.saved if self._shared else run.reported()
        return msgspec.structs.replace(record, current=current, maximum=maximum, details=details)

    def stop(self, job_id: int, state: State) -> None:
        """Stop a job that the store says was killed while it waited, or is to be killed."""
        # A job that is not in `_runs` is on its way there, or has ended; it finds in the store what became of it.
        run = self._runs.get(job_id)
        if run is None:
            return
        run.context.stop(f"job {job_id} was killed")
        if state.final and self._lane(run.bounded).withdraw(run):
            self._end(run, state)
            run.finished.set()

    def forget(self, job_ids: Iterable[int]) -> None:
        """Let go of jobs that have expired."""
        with self._lock:
            for job_id in job_ids:
                self._runs.pop(job_id, None)

    def shut_down(self, timeout: float | None) -> None:
        """Refuse new jobs and wait for the others; fail those that are left after `timeout` seconds."""
        lanes = (self._heavy, self._light)
        for lane in lanes:
            lane.close()
        deadline = None if timeout is None else time.monotonic() + timeout
        for lane in lanes:
            if not lane.wait_empty(None if deadline is None else deadline - time.monotonic()):
                self._clear(lane)
        self._keeper.stop()

    # On the lanes' threads.

    def _execute(self, run: Run) -> None:
        try:
            self._start_and_finish(run)
        except Exception as error:
            logger.exception("job %s", run.id)
            self._end_unsaved(run, f"the job manager failed: {type(error).__name__}; its log says more")

    def _start_and_finish(self, run: Run) -> None:
        try:
            record = self._store.change(run.id, Event.START)
        except StoreError as error:
            self._end_unsaved(run, f"the job could not be started: {error}")
            return
        if record is None or record.state is not State.RUNNING:  # killed while it waited, or taken for lost
            self._end_as(run, record)
            return
        outcome = msgspec.structs.replace(run.perform(), expires=self._settings.expiry())
        try:
            record = self._save(run.id, outcome)
        except StoreError as error:
            self._end_unsaved(run, f"the result could not be stored: {error}")
            return
        self._end_as(run, record)

    def _save(self, job_id: int, outcome: Outcome) -> Record | None:
        event = Event.SUCCEED if outcome.values is not None else Event.FAIL
        for pause in _SAVE_PAUSES:
            try:
                return self._store.change(job_id, event, outcome)
            except StoreError as error:
                logger.warning("%s; will try again", error)
                time.sleep(pause)
        return self._store.change(job_id, event, outcome)

    def _end_as(self, run: Run, record: Record | None) -> None:
        # The store forgets nothing but killed jobs before they have ended.
        if record is None:
            self._end(run, State.KILLED)
        else:
            self._end(run, record.state, record.error)

    def _end(self, run: Run, state: State, error: str = "", *, saved: bool = True) -> None:
        with self._lock:
            if run.ended is not None:  # by `shut_down`, which did not wait any longer
                return
            run.end(state, error)
            if not saved:
                self._unsaved[run.id] = run
            if self._shared or state is State.KILLED:
                self._runs.pop(run.id, None)
                self._held[run.id] = run
        if saved:
            self._keeper.release()

    def _end_unsaved(self, run: Run, error: str) -> None:
        # The keeper stays until the store can be told (`_upkeep`).
        logger.error("job %s: %s", run.id, error)
        self._end(run, State.FAILED, error, saved=False)

    # Shutting down.

    def _clear(self, lane: Lane) -> None:
        for run in lane.jobs():
            if lane.withdraw(run):
                self._abandon(run)
            else:
                run.context.stop(_SHUT_DOWN)
        if not lane.wait_empty(self._settings.grace):
            for run in lane.jobs():
                self._abandon(run)

    def _abandon(self, run: Run) -> None:
        try:
            record = self._store.change(run.id, Event.ABANDON, self._lost(run, _SHUT_DOWN))
        except StoreError as error:
            self._end_unsaved(run, f"{_SHUT_DOWN}; {error}")
        else:
            self._end_as(run, record)
        run.finished.set()

    def _lost(self, run: Run, error: str) -> Outcome:
        (current, maximum), details = run.reported()
        expires = self._settings.expiry()
        return Outcome(current=current, maximum=maximum, details=details, error=error, expires=expires)

    # On the keeper's thread.

    def _upkeep(self) -> None:
        for run in list(self._unsaved.values()):
            self._store.change(run.id, Event.ABANDON, self._lost(run, run.error))
            with self._lock:
                del self._unsaved[run.id]
            self._keeper.release()
        self._manager_upkeep()

    def _live(self) -> Sequence[Run]:
        with self._lock:
            return [run for run in self._runs.values() if run.ended is None]

    def _lane(self, bounded: bool) -> Lane:
        return self._heavy if bounded else self._light
