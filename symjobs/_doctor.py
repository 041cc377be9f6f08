"""What this machine has for symjobs to use, and what could be installed."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked for, what was found, and the remedy if something is missing."""

    name: str
    found: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the finding as JSON would have it."""
        return asdict(self)


_WHEN = {"auto": "in the background, once there is work for them", "now": "at the first call", "never": "never"}

# Extra, the distribution and the module that it brings, what it is for.
_EXTRAS = (
    ("plot", "matplotlib", "matplotlib", "pictures (--plot)"),
    ("histogram", "datasketches", "datasketches", "quantiles and histograms of projects"),
    ("postgresql", "psycopg", "psycopg", "jobs stored in PostgreSQL, its tables as data"),
    ("s3", "obstore", "obstore", "data in S3"),
    ("aws", "boto3", "boto3", "topics and queues of AWS"),
    ("spark", "pyspark", "pyspark", "data learnt by a Spark cluster"),
)


def findings() -> list[Finding]:
    """Look at the machine and return what was found, the general first."""
    return [
        Finding("symjobs", version_of("symjobs") or "not installed, run from its source"),
        Finding("Python", f"{platform.python_version()} ({platform.python_implementation()}) at {sys.executable}"),
        Finding("machine", f"{platform.system()} {platform.machine()}, {_memory()}"),
        _threads(),
        Finding("NumPy", version_of("numpy") or ""),
        *_blas(),
        _numba(),
        _file_reader(),
        *_gpu(),
        *map(_extra, _EXTRAS),
    ]


def version_of(distribution: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _memory() -> str:
    from symjobs._state._memory import physical_memory

    size = physical_memory()
    return "memory unknown" if size is None else f"{size / 2**30:.1f} GiB of memory"


def _threads() -> Finding:
    from symkernels import container_quota, thread_count

    quota = container_quota()
    limit = "no container quota" if quota is None else f"container quota {quota:g}"
    asked = os.environ.get("SYMKERNELS_NUM_THREADS")
    by = f"SYMKERNELS_NUM_THREADS={asked}" if asked else limit
    try:
        used = thread_count()
    except ValueError as error:
        return Finding("threads", str(error), "unset SYMKERNELS_NUM_THREADS or set it to a whole number")
    return Finding("threads", f"{used} used; {os.cpu_count()} cores, {by}")


def _blas() -> list[Finding]:
    import numpy as np
    import scipy.linalg.blas  # noqa: F401 - SciPy may bring a BLAS of its own: name both
    import threadpoolctl

    np.ones((2, 2)) @ np.ones((2, 2))
    found = [
        Finding(
            f"BLAS of {_owner(library['filepath'])}",
            f"{library['internal_api']} {library.get('version')}, {library.get('architecture', 'generic')}, "
            f"{library['num_threads']} threads",
        )
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas"
    ]
    missing = Finding("BLAS", "none that threadpoolctl knows", "install NumPy and SciPy from PyPI or conda-forge")
    return found or [missing]


def _owner(path: str) -> str:
    parts = Path(path).parts
    return next((part.removesuffix(".libs") for part in parts if part.endswith(".libs")), Path(path).name)


def _numba() -> Finding:
    found = version_of("numba")
    if found is None:
        return Finding("Numba", "missing: NumPy does the work, slower", "pip install numba")
    from symkernels import compile_mode

    try:
        mode = compile_mode()
    except ValueError as error:
        return Finding("Numba", str(error), "unset SYMKERNELS_COMPILE or set it to one of these")
    return Finding("Numba", f"{found}; loops are compiled {_WHEN[mode]} (SYMKERNELS_COMPILE={mode})")


def _file_reader() -> Finding:
    return Finding("CSV and Parquet", f"pyarrow {version_of('pyarrow')}")


def _gpu() -> list[Finding]:
    driver = _driver()
    if driver is None:
        return [Finding("GPU", "no NVIDIA driver; projects of type 'cpu' need none")]
    remedy = "pip install 'symjobs[gpu]' for CUDA 12, 'symjobs[gpu13]' for CUDA 13"
    if not importlib.util.find_spec("cupy"):
        return [Finding("GPU driver", driver), Finding("CuPy", "missing", remedy)]
    try:
        import cupy

        runtime = cupy.cuda.runtime
        cards = [runtime.getDeviceProperties(i) for i in range(runtime.getDeviceCount())]
    except Exception as error:  # noqa: BLE001 - whatever a broken installation raises is what to report
        return [Finding("GPU driver", driver), Finding("CuPy", f"does not work: {error}", remedy)]
    return [
        Finding("GPU driver", driver),
        Finding("CuPy", f"{cupy.__version__}, CUDA runtime {runtime.runtimeGetVersion()}"),
        *(
            Finding(f"GPU {i}", f"{card['name'].decode()}, {card['totalGlobalMem'] / 2**30:.0f} GiB")
            for i, card in enumerate(cards)
        ),
        Finding("projects", f"type='auto' keeps them on the {'GPU' if cards else 'CPU'}; type='cpu' on the CPU"),
    ]


def _driver() -> str | None:
    # What the driver itself says, without a CUDA context; elsewhere than on Linux, whether its library is there.
    import ctypes.util

    try:
        return Path("/proc/driver/nvidia/version").read_text().splitlines()[0].removeprefix("NVRM version: ").strip()
    except (OSError, IndexError):
        return ctypes.util.find_library("cuda") or ctypes.util.find_library("nvcuda")


def _extra(extra: tuple[str, str, str, str]) -> Finding:
    name, distribution, module, purpose = extra
    if importlib.util.find_spec(module):
        return Finding(f"extra {name}", f"{distribution} {version_of(distribution) or 'unknown version'}: {purpose}")
    return Finding(f"extra {name}", f"missing: {purpose}", f"pip install 'symjobs[{name}]'")
