"""The command line: ``symjobs run``, ``symjobs demo``, ``symjobs doctor``."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    The other modules are imported here, so that Ctrl-C ends with one line also while they are loaded.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; ``sys.argv`` by default.

    Returns
    -------
    int
        0 if all went well, 1 if the job failed, 2 if the input was bad, 130 if interrupted.
    """
    try:
        from symjobs._cli._main import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        print("symjobs: interrupted", file=sys.stderr)
        return 130


__all__ = ["main"]
