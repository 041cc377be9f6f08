"""Progress on standard error: bars on a terminal, one line a change elsewhere if that is asked for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from symjobs._entities import JobInfo
from symjobs._jobs import JobHandle

_PAUSE = 0.02


def on_terminal() -> bool:
    """Whether bars can be drawn: standard error is a terminal, and rich is there to draw on it."""
    return sys.stderr.isatty() and find_spec("rich") is not None


@contextmanager
def reading(name: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many bytes of a source have been learnt; gives the source's checkpoint."""
    if not on_terminal():
        yield lambda current, maximum: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("learning {task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_console()) as progress:
        task = progress.add_task(name, total=None)
        yield lambda current, maximum: progress.update(task, completed=current, total=maximum)


def state(info: JobInfo) -> str:
    """Return a job's state in a word."""
    if info.isDone:
        return "finished"
    return "running" if info.isStarted else "queued"


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
                time.sleep(_PAUSE)


def _wait_with_bars(handles: Sequence[JobHandle], label: Callable[[JobHandle], str]) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("job {task.description}"),
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
                ended, info = handle.done(), handle.info()
                progress.update(tasks[handle.id], completed=info.current, total=info.maximum, state=state(info))
                if ended:
                    progress.stop_task(tasks[handle.id])
                    open_handles.remove(handle)
            time.sleep(_PAUSE)


def _wait_with_lines(handles: Sequence[JobHandle], label: Callable[[JobHandle], str]) -> None:
    shown = {handle.id: "queued" for handle in handles}
    open_handles = list(handles)
    while open_handles:
        for handle in list(open_handles):
            ended, info = handle.done(), handle.info()
            text = state(info)
            if shown[handle.id] != text:
                shown[handle.id] = text
                print(f"  job {handle.id:>3} {label(handle)}: {text}, {info.current}/{info.maximum}", file=sys.stderr)
            if ended:
                open_handles.remove(handle)
        time.sleep(_PAUSE)


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True)
