"""Sessions of Spark: the one that is there, or one for a master."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Mapping
from typing import Any

from symjobs._errors import InputError
from symjobs._spark._errors import require_pyspark, spark_errors
from symjobs.sources._access import check_timeout

_ADDRESS = re.compile(r"(?:https?://)?(\[[0-9a-fA-F:]+\]|[^:/;,]+):(\d+)")


def session_of(master: str | None, settings: Mapping[str, str], timeout: float) -> Any:
    """Return a session of Spark.

    Parameters
    ----------
    master : str or None
        ``local[2]``, ``spark://host:7077``, ``sc://host:15002`` (Spark Connect), ``yarn``, and whatever else Spark
        takes; None for the classic session of this process, or else for this machine.
    settings : mapping of str to str
        Settings of Spark by their names.
    timeout : float
        Seconds to wait for the host of the master.

    Raises
    ------
    InputError
        If the host does not answer, Spark does not start, or this process has a session of another master.
    MissingDependency
        If pyspark is not installed.
    """
    require_pyspark()
    from pyspark.sql import SparkSession

    place = f"Spark at {master or 'local[*]'}"
    with spark_errors(place):
        if master is not None:
            _check_answers(master, place, check_timeout(timeout))
        builder: Any
        if master is not None and master.startswith("sc://"):
            from pyspark.sql.connect.session import SparkSession as ConnectSession  # there may be another one, too

            builder = ConnectSession.builder.remote(master)
        else:
            _check_same(master)
            if (master or "local").startswith("local"):
                os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            builder = SparkSession.builder.master(master or "local[*]").appName("symjobs")
        for name, value in settings.items():
            builder = builder.config(name, value)
        return builder.getOrCreate()


def active_session() -> Any:
    """Return the active session of this thread, of Spark Connect or classic, or None."""
    from pyspark.sql import SparkSession

    connect = sys.modules.get("pyspark.sql.connect.session")
    active = connect.SparkSession.getActiveSession() if connect is not None else None
    return SparkSession.getActiveSession() if active is None else active


def _check_same(master: str | None) -> None:
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    if context is not None and master is not None and context.master != master:
        raise InputError(
            f"this process has a session of Spark at {context.master}, and can have none at {master} beside it; stop "
            "that one, or use Spark Connect (sc://host:port)"
        )


def _check_answers(master: str, place: str, timeout: float) -> None:
    scheme, found, rest = master.partition("://")
    if not found or scheme not in ("spark", "sc", "k8s"):
        return
    addresses = _ADDRESS.findall(rest)
    if not addresses:
        if scheme == "sc":
            addresses = [(re.split("[/;]", rest)[0], "15002")]
        else:
            raise InputError(f"{place}: the address has no port; write it as {scheme}://host:port")
    problems = []
    for host, port in addresses:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout).close()
            return
        except OSError as error:
            problems.append(f"{host}:{port}: {error}")
    raise InputError(f"{place} does not answer within {timeout:g} seconds ({'; '.join(problems)})")
