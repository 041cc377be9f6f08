"""An action of Spark in a thread: its progress, and an end to it. Classic sessions and Spark Connect."""

from __future__ import annotations

import threading
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_INTERVAL = 0.05  # seconds between two looks at the progress: less than the grace time of a kill


class Watch(ABC):
    """Runs actions of one session, so that they can be watched and stopped."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._name = f"symjobs-{uuid.uuid4().hex}"
        self._seen_tasks = 0, 0
        self._follower: threading.Thread | None = None

    @abstractmethod
    def _enter(self) -> None:
        """Give what this thread asks of Spark a name."""

    @abstractmethod
    def _cancel(self) -> None:
        """End what has the name."""

    @abstractmethod
    def _tasks(self) -> tuple[int, int]:
        """Return how many tasks are done, and how many are known."""

    def _leave(self) -> None:  # noqa: B027 - most have nothing to give up
        """Give up what watches."""

    def _follow(self, thread: threading.Thread) -> None:
        while thread.is_alive():  # Spark may take its time to answer, and a kill must not wait for it
            self._seen_tasks = self._tasks()
            thread.join(_INTERVAL)

    def _end(self, thread: threading.Thread) -> None:
        while thread.is_alive():  # it may be about to start a job of Spark
            self._cancel()
            thread.join(1)

    def run(self, action: Callable[[], T], progress: Callable[[int, int], object]) -> T:
        """Return what an action returns; what `progress` raises, given tasks done and tasks known, ends it."""

        def work() -> T:
            self._enter()
            return action()

        def look(thread: threading.Thread) -> None:
            if self._follower is None:
                self._follower = threading.Thread(target=self._follow, args=(thread,), daemon=True)
                self._follower.start()
            done, known = self._seen_tasks
            progress(done, max(known, done + thread.is_alive()))  # the end is not known before the last task

        try:
            return in_thread(work, look, self._end)
        finally:
            self._leave()


class ClassicWatch(Watch):
    """For a session with a SparkContext: job groups and the status tracker."""

    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self._context = session.sparkContext

    def _enter(self) -> None:
        self._context.setJobGroup(self._name, "symjobs: learn a DataFrame", interruptOnCancel=True)

    def _cancel(self) -> None:
        self._context.cancelJobGroup(self._name)

    def _tasks(self) -> tuple[int, int]:
        tracker = self._context.statusTracker()
        done = known = 0
        for job in tracker.getJobIdsForGroup(self._name):
            info = tracker.getJobInfo(job)
            for stage_id in info.stageIds if info is not None else ():
                stage = tracker.getStageInfo(stage_id)
                if stage is not None:
                    done += stage.numCompletedTasks
                    known += stage.numTasks
        return done, known


class ConnectWatch(Watch):
    """For a session of Spark Connect: tags and progress handlers. Other work of the session counts as progress, too."""

    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self._seen: dict[str, tuple[int, int]] = {}
        session.registerProgressHandler(self._note)

    def _note(self, stages: Any, inflight_tasks: int, operation_id: str | None, done: bool) -> None:
        counts = [(stage.num_completed_tasks, stage.num_tasks) for stage in stages or ()]
        if counts:
            self._seen[operation_id or ""] = sum(a for a, _ in counts), sum(b for _, b in counts)

    def _enter(self) -> None:
        self._session.addTag(self._name)

    def _cancel(self) -> None:
        self._session.interruptTag(self._name)

    def _tasks(self) -> tuple[int, int]:
        counts = list(self._seen.values())
        return sum(done for done, _ in counts), sum(known for _, known in counts)

    def _leave(self) -> None:
        self._session.removeProgressHandler(self._note)


def in_thread(
    action: Callable[[], T],
    look: Callable[[threading.Thread], object],
    end: Callable[[threading.Thread], object] = lambda thread: None,
) -> T:
    """Return what an action in a thread returns. `look` is called meanwhile; if it raises, `end` is, in another thread.

    So whoever kills does not wait for Spark.
    """
    outcome: list[T] = []
    problem: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(action())
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            problem.append(error)

    thread = threading.Thread(target=work, name="symjobs-spark", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_INTERVAL)
            look(thread)
    except BaseException:
        threading.Thread(target=end, args=(thread,), name="symjobs-spark-end", daemon=True).start()
        raise
    if problem:
        raise problem[0]
    return outcome[0]


def watch_of(session: Any) -> Watch:
    """Return what watches the actions of a session."""
    return ConnectWatch(session) if is_connect(session) else ClassicWatch(session)


def is_connect(session: Any) -> bool:
    """Whether a session, or a DataFrame, is one of Spark Connect."""
    return ".connect." in type(session).__module__
