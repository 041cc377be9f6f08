"""Streams that cannot take the answer: one line, no traceback. Real processes, as a shell starts them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

SYMJOBS = f"{shlex.quote(sys.executable)} -m symjobs"


def shell(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=120, env={**os.environ, **environment}
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("option", ["--json", ""])
def test_a_full_disk_ends_in_one_line(option):
    done = shell(f"{SYMJOBS} run svd iris {option} > /dev/full")
    assert done.returncode == 1
    *_, last = done.stderr.splitlines()
    assert last == "symjobs: the answer cannot be written: No space left on device"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams_are_no_error(closed):
    done = shell(f"{SYMJOBS} run svd iris {closed}")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) is not closed.startswith(">")
    assert bool(done.stderr) is ("2>" not in closed)
    assert "learnt" not in done.stdout  # what belongs to a closed stream goes to no other


def test_a_terminal_of_ascii_shows_what_it_can(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("größe,b\n1,2\n2,5\n4,1\n", encoding="utf-8")
    done = shell(f"{SYMJOBS} run pca {path}", LC_ALL="C", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "gr??e" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_picture_that_cannot_be_written_is_named(tmp_path):
    path = tmp_path / "picture.png"
    path.mkdir()
    done = shell(f"{SYMJOBS} run svd iris --json --plot {path}")
    assert done.returncode == 2
    assert done.stderr.endswith(f"symjobs: cannot write {path}: Is a directory\n")


def test_hints_can_be_pasted_into_a_shell(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text('"my col, ""x"" $y",a\nu,1\nw,2\n')
    option = shell(f"{SYMJOBS} run svd {path} --json").stderr.split("(")[-1].split(" makes a category")[0]
    done = shell(f"{SYMJOBS} run svd {path} --json {option}")
    assert done.returncode == 0
    assert "learnt 2 rows, 2 columns" in done.stderr


def test_a_file_name_that_is_not_utf_8(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b\n1,2\n2,5\n4,1\n")
    done = shell(f"cp {path} {tmp_path}/$'b\\xff.csv'; {SYMJOBS} run svd {tmp_path}/$'b\\xff.csv'")
    assert done.returncode == 0
    assert done.stdout.startswith("b?: singular values")


A_FILE_FAILS = """
import sys
from pathlib import Path
from types import SimpleNamespace
from symjobs._cli import _main
fails = SimpleNamespace(command=lambda _: Path("/no/file").read_text())
_main.build_parser = lambda: SimpleNamespace(parse_args=lambda _: fails)
sys.exit(_main.run(["doctor"]))
"""


def test_a_file_that_fails_is_named():
    """A temporary file, say; the answer's stream has no name."""
    done = subprocess.run(
        [sys.executable, "-c", A_FILE_FAILS], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (1, "symjobs: '/no/file': No such file or directory\n")
