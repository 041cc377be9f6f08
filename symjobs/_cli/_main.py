"""Entry point: parse and run; an error becomes one line and an exit code."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

from symjobs._cli._parser import QUESTIONS, build_parser
from symjobs._cli._watch import interrupts
from symjobs._errors import SymjobsError
from symkernels import SymkernelsError

OK, BAD_INPUT = 0, 2


def run(arguments: Sequence[str]) -> int:
    """Run the command line as `symjobs._cli.main` says; KeyboardInterrupt if Ctrl-C was pressed."""
    words = list(arguments)
    if words and words[0] in QUESTIONS:
        print(
            f"symjobs: {words[0]!r} is a question, not a command; try: symjobs run {shlex.join(words)}", file=sys.stderr
        )
        return BAD_INPUT
    options = build_parser().parse_args(words)
    try:
        with interrupts():
            return int(options.command(options))
    except (SymjobsError, SymkernelsError) as error:
        print(f"symjobs: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:  # the reader of the output has closed it, as in `symjobs ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
