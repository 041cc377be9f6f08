"""``symjobs request``: one signed request to a server."""

from __future__ import annotations

import argparse
import http.client
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit

from symjobs._errors import InputError

_PREFIX = "/symetry/rest/"


def request(options: argparse.Namespace) -> int:
    """Send the request, print the answer; 0 if the server did what was asked."""
    from symjobs._engine._failure import one_line
    from symjobs.server._signature import Message, decoded, signed_headers

    secret, user = os.environ.get("SYMJOBS_SECRET", "").strip(), options.user or os.environ.get("SYMJOBS_USER")
    if not user:
        raise InputError("who asks? give --user NAME, or set SYMJOBS_USER")
    if not secret:
        raise InputError("set SYMJOBS_SECRET to the secret that `symjobs user add` printed")
    try:
        decoded(secret)
    except ValueError:
        raise InputError("SYMJOBS_SECRET is no secret: it must be Base64 text") from None
    url = options.url or os.environ.get("SYMJOBS_URL") or "http://127.0.0.1:8000"
    path, _, query = options.path.partition("?")
    if not path.startswith(_PREFIX):
        path = f"{_PREFIX}{quote(user, safe='')}/{path.lstrip('/')}"
    path, query = quote(path, safe="/%:@!$&'()*+,;=~-._"), quote(query, safe="/%:@!$&'()*+,;=~-._?")
    body = _body(options.data)
    base = urlsplit(url)
    if base.scheme not in ("http", "https") or not base.netloc:
        raise InputError(f"--url {url!r} is no address such as http://127.0.0.1:8000")
    path = base.path.rstrip("/") + path
    headers = signed_headers(Message(options.method, user, path, query, body), secret)
    headers["Content-Type"] = "application/json"
    whole = f"{base.scheme}://{base.netloc}{path}{'?' + query if query else ''}"
    asked = urllib.request.Request(whole, data=body or None, headers=headers, method=options.method)
    try:
        with urllib.request.urlopen(asked) as answer:
            print(answer.read().decode())
            if answer.headers.get("sym-job-id"):
                print(f"job {answer.headers['sym-job-id']}", file=sys.stderr)
            return 0
    except urllib.error.HTTPError as error:
        print(error.read().decode())
        return 1
    except (OSError, http.client.HTTPException) as error:  # URLError is one of them
        raise InputError(f"no server answers at {url}: {one_line(str(getattr(error, 'reason', error)))}") from error


def _body(source: str | None) -> bytes:
    if source is None:
        return b""
    if source == "-":
        return sys.stdin.buffer.read()
    if source.startswith("@"):
        return Path(source[1:]).read_bytes()
    return source.encode()
