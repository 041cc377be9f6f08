"""Entry point: parse and run; an error becomes one line and an exit code."""

from __future__ import annotations

import io
import os
import shlex
import sys
from collections.abc import Sequence
from typing import TextIO

from symjobs._cli._parser import QUESTIONS, build_parser
from symjobs._cli._watch import interrupts
from symjobs._errors import SymjobsError
from symkernels import SymkernelsError

OK, FAILED, BAD_INPUT = 0, 1, 2


def run(arguments: Sequence[str]) -> int:
    """Run the command line as `symjobs._cli.main` says; KeyboardInterrupt if Ctrl-C was pressed."""
    _open_streams()
    words = list(arguments)
    if words and words[0] in QUESTIONS:
        print(
            f"symjobs: {words[0]!r} is a question, not a command; try: symjobs run {shlex.join(words)}", file=sys.stderr
        )
        return BAD_INPUT
    options = build_parser().parse_args(words)
    try:
        with interrupts():
            code = int(options.command(options))
        sys.stdout.flush()
        return code
    except (SymjobsError, SymkernelsError) as error:
        print(f"symjobs: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # the reader of the output has closed it, as in `symjobs ... | head`
        _close(sys.stdout)
        return OK
    except OSError as error:
        _close(sys.stdout)
        what = "the answer cannot be written" if error.filename is None else repr(str(error.filename))  # else a stream
        print(f"symjobs: {what}: {error.strerror or error}", file=sys.stderr)
        return FAILED


def _open_streams() -> None:
    """Replace streams that are closed, and characters that a stream's encoding does not have."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:  # else the next file that is opened would get its number
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115
        elif number and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _close(stream: TextIO) -> None:
    """Let a stream forget what it could not write, so that the end of the process does not try again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
