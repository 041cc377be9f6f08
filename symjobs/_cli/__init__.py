"""The command line: ``symjobs run``, ``symjobs demo``, ``symjobs doctor``."""

from symjobs._cli._main import main

__all__ = ["main"]
