"""``symjobs doctor``."""

from __future__ import annotations

import argparse
import json
import sys

from symjobs._cli._watch import counting
from symjobs._doctor import findings


def doctor(options: argparse.Namespace) -> int:
    """Print what was found on this machine, in plain text, or compile all loops."""
    if options.compile:
        return _compile()
    found = findings()
    if options.json:
        print(json.dumps([finding.as_dict() for finding in found], indent=2))
        return 0
    width = max(len(finding.name) for finding in found)
    for finding in found:
        print(f"{finding.name:<{width}}  {finding.found}")
        if finding.remedy:
            print(f"{'':<{width}}    -> {finding.remedy}")
    return 0


def _compile() -> int:
    from symkernels import compile_loops

    with counting("compiling", "groups of loops") as checkpoint:
        works = compile_loops(checkpoint)
    if not works:
        print("symjobs: Numba does not work here; NumPy gives the same answers, more slowly", file=sys.stderr)
        return 1
    print("all loops are compiled")
    return 0
