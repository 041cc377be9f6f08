"""`make soak` really makes more examples, and makes the same rounds for the same seed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

MADE = """
import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

def test_plain():
    raise AssertionError("it has no counts")

counts = {"given": 0, "machine": 0}

@given(st.floats())
@settings(max_examples=7)
def test_given(x):
    counts["given"] += 1

class Machine(RuleBasedStateMachine):
    @initialize(x=st.floats())
    def start(self, x):
        counts["machine"] += 1

    @rule()
    def step(self):
        pass

TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=5, stateful_step_count=2)

def test_effort(effort):
    assert effort == 10
    print("counts", counts)

def test_rounds(rounds):
    for number, rng in enumerate(rounds(9, least=3)):
        print("drawn", number, rng.integers(2**32))
"""


def test_soak_makes_more_examples_and_repeats_its_rounds(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_made.py").write_text(MADE)
    command = [sys.executable, "-m", "pytest", "-rP", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    command += ["-c", "/dev/null", "-o", f"pythonpath={ROOT} {ROOT / 'kernels'}", str(tmp_path)]
    runs = [
        subprocess.run([*command, "--soak", seed, "--soak-seconds", "0"], capture_output=True, text=True, cwd=tmp_path)
        for seed in ("5", "5", "6")
    ]
    for run in runs:
        assert run.returncode == 0, run.stdout + run.stderr
        assert "make soak SEED=" in run.stdout
        assert re.search("3 rounds of .*test_rounds", run.stdout)
        assert "'given': 70" in run.stdout
        assert 50 <= int(re.findall(r"'machine': (\d+)", run.stdout)[0]) <= 200  # some are tried twice
    drawn = [re.findall(r"^drawn .*", run.stdout, re.MULTILINE) for run in runs]
    assert len(set(drawn[0])) == 3
    assert drawn[0] == drawn[1]
    assert not set(drawn[0]) & set(drawn[2])
