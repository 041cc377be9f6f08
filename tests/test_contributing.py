"""The pages on contributing are complete: their files, put into a copy of the package, do what the pages say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "contributing"
BLOCK = re.compile(r"^(`{3,})\{code-block\} (\w+)\n:caption: (\S+)\n\n(.*?)^\1$", re.MULTILINE | re.DOTALL)


def copy_of_the_package(folder: Path, *, kernels: bool) -> Path:
    """Copy the source tree; without ``kernels`` these are the same files, so that no loop is compiled again."""
    without = shutil.ignore_patterns("__pycache__", "_build", "soak", "cuda_emulator", "nist")
    for tree in ("symjobs", "docs", "tests", *(["kernels"] if kernels else [])):
        shutil.copytree(ROOT / tree, folder / tree, ignore=without)
    if not kernels:
        (folder / "kernels").symlink_to(ROOT / "kernels")
    for file in ("pyproject.toml", "README.md", "CHANGELOG.md"):
        shutil.copy(ROOT / file, folder)
    return folder


def follow(page: str, folder: Path) -> list[str]:
    """Do to a copy of the package what a page says; return the files that it writes or changes."""
    blocks = BLOCK.findall((PAGES / page).read_text(encoding="utf-8"))
    assert blocks, f"{page} has no files"
    for _, language, name, text in blocks:
        file = folder / name
        if language == "diff":
            file.write_text(with_lines(file.read_text(encoding="utf-8"), text, name), encoding="utf-8")
        else:
            assert not file.exists(), f"{name} exists already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return sorted({name for _, _, name, _ in blocks})


def with_lines(text: str, diff: str, name: str) -> str:
    """Apply a diff without line numbers: its lines without ``+`` stand in the text, once, one after another."""
    lines = [(line[:1], line[1:]) for line in diff.splitlines(keepends=True)]
    assert {sign for sign, _ in lines} <= set(" +-"), f"{name}: a line of the diff has no sign"
    before = "".join(line for sign, line in lines if sign != "+")
    after = "".join(line for sign, line in lines if sign != "-")
    assert text.count(before) == 1, f"{name} does not have these lines once:\n{before}"
    return text.replace(before, after)


def run(folder: Path, *arguments: str) -> str:
    """Run Python in the copy and return what it prints."""
    path = os.pathsep.join([str(folder), str(folder / "kernels")])
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def run_tests(folder: Path, *arguments: str) -> str:
    return run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments)


def lint(folder: Path, files: list[str]) -> None:
    """Style, format and types of the Python files of a page."""
    pytest.importorskip("ruff")
    python = [name for name in files if name.endswith(".py")]
    run(folder, "-m", "ruff", "check", *python)
    run(folder, "-m", "ruff", "format", "--check", *python)
    run(folder, "-m", "mypy", f"--cache-dir={folder / 'cache'}", *(name for name in python if "tests/" not in name))


def test_a_diff_must_fit():
    assert with_lines("a\nb\nc\n", " a\n+x\n b\n", "f") == "a\nx\nb\nc\n"
    assert with_lines("a\nb\nc\n", "-a\n+x\n b\n", "f") == "x\nb\nc\n"
    for diff in (" a\n+x\n c\n", " z\n+x\n"):
        with pytest.raises(AssertionError, match="f does not have these lines"):
            with_lines("a\nb\nc\n", diff, "f")
    with pytest.raises(AssertionError, match="no sign"):
        with_lines("a\n", "a\n", "f")


def test_adding_a_kernel(tmp_path):
    package = copy_of_the_package(tmp_path, kernels=True)
    files = follow("adding-a-kernel.md", package)
    report = run_tests(package, "tests/symkernels/test_deviation.py")
    assert " passed" in report
    chosen = "room or order or circle or mean_absolute_deviation or every_public_name"
    assert " passed" in run_tests(package, "tests/test_docs.py", "-k", chosen)
    module = "symkernels._deviation._deviation"
    assert run(package, "-c", f"import doctest, {module} as m; print(doctest.testmod(m))").endswith("attempted=3)\n")
    lint(package, files)


def test_adding_a_job_type(tmp_path):
    package = copy_of_the_package(tmp_path, kernels=False)
    files = follow("adding-a-job-type.md", package)
    one_way_in = "tests/symjobs/test_rest.py::test_every_job_type_has_one_way_in"
    assert " passed" in run_tests(package, "tests/symjobs/jobs/test_missing_share.py", one_way_in)
    chosen = ["MissingShareJob", "pages_of_job_types", "room", "order", "circle", "public_name", "type_checkers_see"]
    assert " passed" in run_tests(package, "tests/test_docs.py", "tests/test_typing.py", "-k", " or ".join(chosen))
    lint(package, files)
