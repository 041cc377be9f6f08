"""The command line, called as a function."""

from __future__ import annotations

from collections.abc import Sequence

from symjobs._cli import main


def exit_code(arguments: Sequence[object]) -> int:
    """Run the command line and return its exit code, also where argparse ends it."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)
