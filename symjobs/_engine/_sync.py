"""The thread that exchanges kills and progress with a shared store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from symjobs._engine._execution import JobExecution
from symjobs._engine._log import logger
from symjobs._engine._states import State
from symjobs._engine._store import SharedStore
from symjobs._engine._threads import start_thread
from symjobs._errors import QueueFull, StoreError

_POLL_SECONDS = 0.05  # how soon a kill by another process is seen, and how often progress is written
_LINGER_SECONDS = 2.0  # how long the thread and the instance stay after the last job
_RETRY_SECONDS = 1.0  # the pause after the store failed
_BEATS_PER_LEASE = 4


class NoStoreSync:
    """For a store in memory: there is nothing to exchange."""

    def hold(self) -> None:
        pass

    def release(self) -> None:
        pass

    def save(self, executions: Sequence[JobExecution]) -> None:
        pass

    def stop(self) -> None:
        pass


class StoreSync:
    """Renews the manager's heartbeat while it has unfinished jobs, reads kills, and saves progress.

    A thread of its own does this, so that no job waits for the store at a checkpoint.

    Parameters
    ----------
    store : SharedStore
        The store.
    lease : float
        Seconds without a heartbeat after which managers on other machines count this instance as gone.
    live : callable
        Returns the unfinished jobs of this process.
    on_kill : callable
        Called with (id, state) of a job that was killed while it waited, or has a pending kill.
    upkeep : callable
        Called every second, for maintenance.
    """

    def __init__(
        self,
        store: SharedStore,
        lease: float,
        live: Callable[[], Sequence[JobExecution]],
        on_kill: Callable[[int, State], None],
        upkeep: Callable[[], None],
    ) -> None:
        self._store = store
        self._lease = lease
        self._live = live
        self._on_kill = on_kill
        self._upkeep = upkeep
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._held = 0
        self._last_held = 0.0
        self._last_beat = 0.0
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def hold(self) -> None:
        """Keep an instance in the store from now on. Call it before a job is added.

        Raises QueueFull if the thread cannot start.
        """
        with self._lock:
            if self._thread is None:
                self._store.join(self._lease)
                self._last_beat = time.monotonic()
                try:
                    self._thread = start_thread(self._loop, "symjobs-sync")
                except QueueFull:
                    self._leave()
                    raise
            self._held += 1

    def release(self) -> None:
        """Say that one job less needs the instance."""
        with self._lock:
            self._held -= 1
            self._last_held = time.monotonic()

    def save(self, executions: Sequence[JobExecution]) -> None:
        """Write what jobs have reported since the last call."""
        with self._saving:  # otherwise an older report could overwrite a newer one
            changed = [
                (execution, report) for execution in executions if (report := execution.reported()) != execution.saved
            ]
            if changed:
                self._store.save_progress(
                    [(execution.id, *progress, details) for execution, (progress, details) in changed]
                )
                for execution, report in changed:
                    execution.saved = report

    def stop(self) -> None:
        """End the thread and the instance."""
        self._stopped.set()
        with self._lock:
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_RETRY_SECONDS)

    def _loop(self) -> None:
        pause = _POLL_SECONDS
        while not self._stopped.wait(pause):
            try:
                self._tick()
                pause = _POLL_SECONDS
            except StoreError as error:
                if pause == _POLL_SECONDS:
                    logger.warning("%s; will try again", error)
                pause = _RETRY_SECONDS
            except Exception:  # noqa: BLE001 - without this thread all jobs would count as lost
                logger.exception("synchronising jobs with the store failed; will try again")
                pause = _RETRY_SECONDS
            if self._leave_if_idle():
                return
        with self._lock:
            self._leave()

    def _tick(self) -> None:
        if self._held:
            kills = self._store.kills()
            for job_id, state in kills:
                self._on_kill(job_id, state)
            ended = [job_id for job_id, state in kills if state.final]
            if ended:
                self._store.acknowledge(ended)
            self.save(self._live())
        if time.monotonic() - self._last_beat >= self._lease / _BEATS_PER_LEASE:
            self._last_beat = time.monotonic()
            if not self._store.beat():
                for execution in self._live():
                    execution.context.stop("the job was lost: its process was silent for too long")
        self._upkeep()

    def _leave_if_idle(self) -> bool:
        with self._lock:
            idle = not self._held and time.monotonic() - self._last_held >= _LINGER_SECONDS
            if idle:
                self._leave()
            return idle

    def _leave(self) -> None:
        self._thread = None
        try:
            self._store.leave()
        except StoreError as error:
            logger.warning("%s", error)
