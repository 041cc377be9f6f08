"""What a description of the type ``sparks3_map_reduce_*`` says: where Spark is, and where the data is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symjobs._entities import DSInfo
from symjobs._errors import InputError
from symjobs._text import near
from symjobs.sources import Access
from symjobs.sources._s3 import S3Settings

_PREFIX = "sml.sparkenv."
_FORMATS = ("csv", "parquet")
# Settings that a server's clients may give. Others name classes, programs and files of the machines.
_FOR_CLIENTS = (
    "spark.executor.memory",
    "spark.executor.memoryOverhead",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.cores.max",
    "spark.task.cpus",
    "spark.dynamicAllocation.enabled",
    "spark.dynamicAllocation.minExecutors",
    "spark.dynamicAllocation.maxExecutors",
    "spark.sql.shuffle.partitions",
    "spark.sql.files.maxPartitionBytes",
)


@dataclass(frozen=True)
class SparkSettings:
    """Where Spark is, and what it reads.

    Attributes
    ----------
    master : str or None
    settings : mapping of str to str
        Of the session.
    paths : sequence of str
    kind : str
        ``csv`` or ``parquet``; empty if the ending of the path says it.
    reader : mapping of str to str
        Options of Spark's reader: the keys of the store.
    timeout : float or None
    """

    master: str | None
    settings: Mapping[str, str]
    paths: Sequence[str]
    kind: str
    reader: Mapping[str, str]
    timeout: float | None

    @classmethod
    def of(cls, dsinfo: DSInfo, access: Access | None) -> SparkSettings:
        """Read a description; InputError if its type is of another format, or a server does not allow it."""
        info, place = dsinfo.info, f"data source {dsinfo.name!r}"
        settings = {key.removeprefix(_PREFIX): value for key, value in info.items() if key.startswith(_PREFIX)}
        master = info.get("sparkmaster") or None
        kind = check_format(info.get("format"))
        if access is not None:
            master = _allowed_master(master, access, place)
            for name in settings:
                if name not in _FOR_CLIENTS:
                    raise InputError(
                        f"{place}: this server does not let clients set {name!r}; they may set "
                        f"{', '.join(_FOR_CLIENTS)}"
                    )
        timeout = None if access is None else access.timeout
        if not info.get("s3bucket"):
            path = info["path"]
            paths = [path] if access is None else list(map(str, access.find(path)))
            return cls(master, settings, paths, kind, {}, timeout)
        store = S3Settings.of(info)
        keys = {
            "fs.s3a.access.key": store.access_key,
            "fs.s3a.secret.key": store.secret_key,
            "fs.s3a.endpoint": store.allowed_endpoint(info["s3bucket"], access),
            "fs.s3a.endpoint.region": store.region,
            "fs.s3a.path.style.access": "true" if store.endpoint else "",
        }
        reader = {name: value for name, value in keys.items() if value}
        path = f"s3a://{info['s3bucket']}/{info['path'].lstrip('/')}"
        return cls(master, settings, [path], kind, reader, timeout)


def check_format(kind: str | None) -> str:
    """Return a format of files in lower case, empty if there is none; InputError for an unknown one."""
    if kind and kind.lower() not in _FORMATS:
        raise InputError(f"unknown format of files {kind!r}; {near(kind, _FORMATS)}")
    return (kind or "").lower()


def _allowed_master(master: str | None, access: Access, place: str) -> str:
    if not access.spark_masters:
        raise InputError("this server has no Spark; its operator allows masters by --spark-master")
    if master is None:
        return access.spark_masters[0]
    if master not in access.spark_masters:
        raise InputError(
            f"{place}: this server does not use the Spark master {master!r}; its operator allows masters by "
            "--spark-master"
        )
    return master
