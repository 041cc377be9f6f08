"""Text that came from outside: shown in messages, looked for among names, read as an index, checked for UTF-8."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from symjobs._errors import InputError

HIDDEN = "***"
_SHORTEST_SECRET = 4  # a shorter one would be found in any text
_LONGEST = 80
_LONGEST_OWNER = 255


def shown(value: Any) -> str:
    """Return a short text for an error message, whatever came."""
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write integers of more than 4,300 digits
        text = f"a huge {type(value).__name__}"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a message without secrets, which a library may have put into it."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return text


def is_blank(value: Any) -> bool:
    """Whether a value is None or text without a character that shows."""
    return value is None or (isinstance(value, str) and not value.strip())


def is_utf8(text: str) -> bool:
    """Whether the text can be written as UTF-8: lone surrogates, as broken decoders leave them, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_segment(name: str, what: str) -> None:
    """Raise InputError if a name cannot be one segment of a path."""
    if "/" in name:
        raise InputError(f"{what} {shown(name)} holds '/'; names are one segment of a path")
    if name in (".", ".."):
        raise InputError(f"{what} {shown(name)} is a relative path; take another name")


def text_index(text: str) -> int | None:
    """Return the index that a text of digits is, or None; no index has more than 18 digits."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def near(name: str, known: Sequence[str]) -> str:
    """Return what an error says beside an unknown name: the names like it, or some of all."""
    matches = difflib.get_close_matches(name, known, n=3) or [k for k in known if k.lower() == name.lower()]
    if matches:
        return f"did you mean {' or '.join(map(repr, matches))}?"
    return f"known are {some(known)}"


def types_option(name: str, letter: str) -> str:
    """Return the option of the command line that declares a column's type, to be pasted into a shell."""
    return shell_option("--types", _in_a_list(f"{name}={letter}"))


def dates_option(names: Sequence[str]) -> str:
    """Return the option of the command line that names columns of dates, to be pasted into a shell."""
    return shell_option("--dates", '"all"' if list(names) == ["all"] else ",".join(map(_in_a_list, names)))


def shell_option(option: str, value: str) -> str:
    """Return an option with its value, to be pasted into a shell."""
    return f"{option}{'=' if value.startswith('-') else ' '}{shlex.quote(value)}"


def _in_a_list(name: str) -> str:
    if not any(mark in name for mark in ',"\n') and name == name.strip():
        return name
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def some(names: Sequence[str], limit: int = 8) -> str:
    """Return the first few names in words."""
    if not names:
        return "none"
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(map(repr, names[:limit])) + more


def check_name(name: Any, of: str = "project") -> str:
    """Return the name of a project or model, or raise InputError."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"a {of}'s name is a text that is not empty, got {name!r}")
    check_segment(name, f"the {of} name")
    if not is_utf8(name):
        raise InputError(f"the {of} name {name!r} holds a lone surrogate, which is no character; take it out")
    return name


def check_owner(value: Any) -> str:
    """Return an owner, or raise InputError: 1 to 255 printable characters that are one segment of a path."""
    if not (isinstance(value, str) and 0 < len(value) <= _LONGEST_OWNER and value.isprintable()):
        raise InputError(f"owner {shown(value)}: an owner is a string of 1 to {_LONGEST_OWNER} printable characters")
    check_segment(value, "owner")
    return value
