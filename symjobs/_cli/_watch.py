"""Progress on standard error: bars on a terminal; elsewhere, on request, a line for each change."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from symjobs._engine import JobHandle
from symjobs._errors import JobFailed, JobKilled

_PAUSE = 0.02
_OPEN = ("queued", "running")
_interrupted = threading.Event()


@contextmanager
def interrupts() -> Iterator[None]:
    """Remember Ctrl-C for `raise_if_interrupted`. Some libraries discard a KeyboardInterrupt during their import."""
    _interrupted.clear()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(signum: int, frame: Any) -> None:
    _interrupted.set()
    raise KeyboardInterrupt


def raise_if_interrupted() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was pressed at any time."""
    if _interrupted.is_set():
        raise KeyboardInterrupt


def on_terminal() -> bool:
    """Whether bars can be drawn: standard error is a terminal."""
    return sys.stderr.isatty()


@contextmanager
def reading(name: str, verb: str = "learning") -> Iterator[Callable[[int, int], None]]:
    """Show how many bytes of a source have been read; yields the checkpoint for the source."""
    if not on_terminal():
        yield lambda current, maximum: raise_if_interrupted()
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn(f"{verb} {{task.description}}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_console()) as progress:
        task = progress.add_task(name, total=None)

        def update(current: int, maximum: int) -> None:
            raise_if_interrupted()
            progress.update(task, completed=current, total=maximum)

        yield update


@contextmanager
def counting(what: str, of: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many parts of some work are done; yields its checkpoint."""
    if not on_terminal():
        yield lambda current, maximum: raise_if_interrupted()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn(of), TimeElapsedColumn())
    with Progress(*columns, console=_console()) as progress:
        task = progress.add_task(what, total=None)

        def update(current: int, maximum: int) -> None:
            raise_if_interrupted()
            progress.update(task, completed=current, total=maximum)

        yield update


def state(handle: JobHandle) -> tuple[str, str]:
    """Return a job's state in a word, and the error of one that failed."""
    if not handle.done():
        return ("running" if handle.info().isStarted else "queued"), ""
    try:
        handle.result(timeout=0)
    except JobFailed as error:
        return "failed", str(error)
    except JobKilled:
        return "killed", ""
    return "finished", ""


def wait(handles: Sequence[JobHandle], label: Callable[[JobHandle], str], *, lines: bool = False) -> None:
    """Show the status of jobs until all have ended.

    Parameters
    ----------
    handles : sequence of JobHandle
    label : callable
        What to call a job.
    lines : bool, default False
        Whether to print each change as a line where bars cannot be drawn.
    """
    if on_terminal():
        _wait_with_bars(handles, label)
    elif lines:
        _wait_with_lines(handles, label)
    else:
        for handle in handles:
            while not handle.done():
                raise_if_interrupted()
                time.sleep(_PAUSE)


def _wait_with_bars(handles: Sequence[JobHandle], label: Callable[[JobHandle], str]) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("job {task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=_console()) as progress:
        tasks = {
            handle.id: progress.add_task(f"{handle.id} {label(handle)}", total=1, state="queued") for handle in handles
        }
        open_handles = list(handles)
        while open_handles:
            for handle in list(open_handles):
                text, _ = state(handle)  # the error of a job that failed follows the bars
                info = handle.info()
                progress.update(tasks[handle.id], completed=info.current, total=info.maximum, state=text)
                if text not in _OPEN:
                    progress.stop_task(tasks[handle.id])
                    open_handles.remove(handle)
            raise_if_interrupted()
            time.sleep(_PAUSE)


def _wait_with_lines(handles: Sequence[JobHandle], label: Callable[[JobHandle], str]) -> None:
    shown = {handle.id: "queued" for handle in handles}
    open_handles = list(handles)
    while open_handles:
        for handle in list(open_handles):
            text, error = state(handle)
            if shown[handle.id] != text:
                shown[handle.id] = text
                info, why = handle.info(), f": {error}" if error else ""
                progress = f"{info.current}/{info.maximum}"
                print(f"  job {handle.id:>3} {label(handle)}: {text}, {progress}{why}", file=sys.stderr)
            if text not in _OPEN:
                open_handles.remove(handle)
        raise_if_interrupted()
        time.sleep(_PAUSE)


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True)
