"""``symjobs doctor``."""

from __future__ import annotations

import argparse
import json

from symjobs._doctor import findings


def doctor(options: argparse.Namespace) -> int:
    """Print what was found on this machine, in plain text."""
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
