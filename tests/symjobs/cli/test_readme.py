"""The README does not drift: its Python runs, its commands parse, its extras exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from symjobs._cli._parser import build_parser

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith("    symjobs ")]


def test_the_first_lines_are_the_two_commands():
    commands = [line.split()[:2] for line in README.splitlines()[1:6] if line.startswith("    ")]
    assert commands == [["make", "run"], ["make", "test"]]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"run", "test", "lint", "bench", "docs", "gpu", "soak", "clean"} <= set(targets)


def test_the_python_runs(tmp_path, monkeypatch, capsys):
    """The blocks share their names, as a reader's session would."""
    monkeypatch.chdir(tmp_path)
    Path("flights.csv").write_text("delay,carrier\n1.5,AA\n2,BB\n")
    ten_lines, a_file, *others = BLOCKS
    assert len(ten_lines.strip().splitlines()) <= 11
    scope = {}
    exec(compile(ten_lines, "README.md", "exec"), scope)
    out = capsys.readouterr().out
    assert "[2.91849782 0.91403047 0.14675688 0.02071484]" in out
    assert '"statusString":"Job is finished"' in out
    exec(compile(a_file, "README.md", "exec"), scope)
    assert scope["project"].n_rows == 2
    for code in others:
        exec(compile(code, "README.md", "exec"), scope)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command):
    program, *arguments = shlex.split(command)
    assert program == "symjobs"
    build_parser().parse_args(arguments)


def test_extras_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"^\| `([a-z]+)` \|", README, re.MULTILINE)
    assert set(named) <= set(extras)
    assert len(named) >= 5
