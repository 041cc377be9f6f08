"""Which files of a disk a path names; and which data a server opens for its clients."""

from __future__ import annotations

import glob
import math
import os
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from symjobs._errors import InputError
from symjobs._text import shown

_DATA = (".csv", ".tsv", ".txt", ".parquet", ".arrow", ".feather", ".ipc")
_PACKED = (".gz", ".zst", ".zstd")
TIMEOUT = 30.0


@dataclass(frozen=True)
class Access:
    """Which data a server opens for its clients. By default none.

    Attributes
    ----------
    roots : tuple of path
        Folders whose files clients may name, by paths relative to one of them. A link that leads out is refused.
    hosts : tuple of str
        Names of hosts that the server connects to for clients, such as ``"data.example.org"``, ``"*.example.org"`` or
        ``"*"``. For S3 it is the host of the endpoint, by default ``s3.amazonaws.com``; for an `AwsInfoJob`
        ``sns.REGION.amazonaws.com`` and ``sqs.REGION.amazonaws.com``. SQLite files are in `roots`.
    timeout : float, default 30
        Seconds to wait for a host, for the connection and for each part of the data.
    spark_masters : tuple of str
        Masters of Spark, such as ``"sc://spark:15002"``, that clients may name; the first one is for those who name
        none. The cluster reads with its own rights: paths are within `roots`, S3 endpoints among `hosts`.

    Examples
    --------
    >>> import symjobs as sj
    >>> access = sj.sources.Access(hosts=("*.example.org",))
    >>> access.allows("data.example.org"), access.allows("169.254.169.254")
    (True, False)
    """

    roots: tuple[str | os.PathLike[str], ...] = ()
    hosts: tuple[str, ...] = ()
    timeout: float = TIMEOUT
    spark_masters: tuple[str, ...] = ()

    def allows(self, host: str) -> bool:
        """Return whether the server connects to a host.

        Parameters
        ----------
        host : str
            Its name or address.

        Returns
        -------
        bool
        """
        return any(fnmatch(host.lower(), pattern.lower()) for pattern in self.hosts)

    def check_host(self, host: str) -> None:
        """Raise InputError unless the server connects to a host.

        Parameters
        ----------
        host : str
            Its name or address.
        """
        if not self.allows(host):
            raise InputError(
                f"this server does not connect to the host {host!r}; its operator allows hosts by --source-host"
            )

    def find(self, path: str) -> list[Path]:
        """Return the files that a client's path, folder or pattern names.

        Parameters
        ----------
        path : str
            Relative to one of the roots.

        Returns
        -------
        list of Path
        """
        if not self.roots:
            raise InputError("this server opens no files for its clients; its operator names folders by --source-root")
        outside = InputError(f"the path {path!r} is outside of the folders that this server opens")
        if ".." in Path(path).parts:
            raise outside  # whether there is such a file or not
        folders = [folder for folder in map(_resolved, self.roots) if (folder / path).is_relative_to(folder)]
        if not folders:
            raise outside
        for folder in folders:
            try:
                found = [Path(name) for name in matching_files(str(folder / path), str(folder))]
            except InputError as error:  # clients do not know where the folder is
                raise InputError(str(error).replace(str(folder / path), path)) from None
            for file in found:
                if not file.resolve().is_relative_to(folder):
                    raise InputError(f"{outside}: {file.relative_to(folder)} is a link out of them") from None
            if found:
                return found
        raise InputError(f"no such file: {path}")


def check_timeout(timeout: float) -> float:
    """Return a number of seconds, or raise InputError."""
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
        raise InputError(f"timeout is {shown(timeout)}; it must be a positive number of seconds")
    return float(timeout)


def _resolved(root: str | os.PathLike[str]) -> Path:
    return Path(root).resolve()


def matching_files(path: str, root: str = "") -> list[str]:
    """Return a file itself; the data files in a folder and its folders; or those that match a pattern.

    What is in the root is no pattern.
    """
    if os.path.isdir(path):
        found = sorted(
            os.path.join(folder, name)
            for folder, _, names in os.walk(path)
            for name in names
            if not name.startswith((".", "_")) and _is_data(name)
        )
        if not found:
            raise InputError(f"the folder {path} holds no data files; their names end with {', '.join(_DATA)}")
        return found
    if os.path.exists(path):
        return [path]
    if glob.has_magic(path.removeprefix(root)):
        found = sorted(
            name
            for name in glob.glob(glob.escape(root) + path.removeprefix(root), recursive=True)
            if os.path.isfile(name)
        )
        if not found:
            raise InputError(f"no file matches {path}")
        return found
    return []


def _is_data(name: str) -> bool:
    lower = name.lower()
    for ending in _PACKED:
        lower = lower.removesuffix(ending)
    return lower.endswith(_DATA)
