"""Whether all loops of a kernel are on the disk, compiled: then a call that needs some loads them at once.

Numba knows this loop by loop, once it is imported and a loop is called with its types. So a file beside its own notes
that a kernel was compiled as a whole, by this version of Numba, from these sources, for this processor.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_HERE = Path(__file__).parent


def is_noted(kernel: str) -> bool:
    """Whether it was noted that all loops of a kernel are on the disk."""
    try:
        return _note(kernel).exists()
    except OSError:
        return False


def note(kernel: str) -> None:
    """Note that all loops of a kernel are on the disk; not where nothing can be written."""
    with contextlib.suppress(OSError):
        path = _note(kernel)
        for earlier in path.parent.glob(f"{path.name.rpartition('-')[0]}-*"):
            if earlier != path:
                earlier.unlink(missing_ok=True)
        path.touch()


def _note(kernel: str) -> Path:
    # Where Numba writes, if it may; if it writes elsewhere, nothing is noted.
    folder = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(folder) if folder else _HERE / "__pycache__") / f"symkernels-{kernel}-{_key()}"


@lru_cache(maxsize=1)
def _key() -> str:
    parts = [sys.version, platform.machine(), _processor()]
    for package in ("numba", "llvmlite"):
        with contextlib.suppress(PackageNotFoundError):
            parts.append(version(package))
    for path in sorted(_HERE.rglob("*.py")):
        found = path.stat()
        parts.append(f"{path.relative_to(_HERE)} {found.st_size} {found.st_mtime_ns}")
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            lines = file.read(1 << 14).splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(next((line for line in lines if line.startswith(key)), "") for key in ("model name", "flags"))
