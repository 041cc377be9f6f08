"""Starting the threads of the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable

from symjobs._errors import QueueFull


def start_thread(work: Callable[[], None], name: str) -> threading.Thread:
    """Start a daemon thread, or raise QueueFull where the system allows no more of them."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        raise QueueFull(f"the system lets no thread start ({error}); try again later") from error
    return thread
