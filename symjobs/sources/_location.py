"""Where files are: paths, folders, patterns and addresses."""

from __future__ import annotations

import os
from collections.abc import Sequence

from symjobs._errors import InputError
from symjobs.sources._access import TIMEOUT, Access, check_timeout, matching_files
from symjobs.sources._files import DataFile, checked_file
from symjobs.sources._http import HttpFile
from symjobs.sources._s3 import S3Settings, s3_files


def found_files(
    path: str | os.PathLike[str],
    *,
    access: Access | None = None,
    s3: S3Settings | None = None,
    name: str | None = None,
    timeout: float = TIMEOUT,
) -> Sequence[DataFile]:
    """Return the files that a path, a folder, a pattern or an address names; `access` has a timeout of its own."""
    timeout = check_timeout(timeout if access is None else access.timeout)
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
    if isinstance(text, str):
        scheme = text.partition("://")[0].lower() if "://" in text else ""
        if scheme in ("http", "https"):
            return [HttpFile(text, timeout, access)]
        if scheme == "s3":
            return s3_files(text, s3 or S3Settings(), timeout, access)
        if scheme:
            raise InputError(f"{text!r} has the scheme {scheme!r}; files, http://, https:// and s3:// can be read")
    if access is None:
        found = matching_files(os.path.expanduser(text)) if isinstance(text, str) else []
        if not found or found == [os.path.expanduser(text)]:
            return [checked_file(path, name)]
        return [checked_file(file, may_be_empty=len(found) > 1) for file in found]
    paths = access.find(str(text))
    if len(paths) == 1:
        return [checked_file(paths[0], str(text))]
    return [checked_file(file, file.name, may_be_empty=True) for file in paths]
