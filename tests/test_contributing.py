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

PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
# The pages, each with the files that it writes or changes, once they are written.
ADDED: dict[str, list[str]] = {"adding-a-job-type.md": [], "adding-a-model-type.md": [], "adding-a-kernel.md": []}


def copy_of_the_package(folder: Path) -> Path:
    """Copy the source tree. The machine code of compiled loops goes along, so that they are not compiled again."""
    for tree in ("symjobs", "docs", "tests", "kernels"):
        # Other processes may write such files meanwhile, under other names first.
        ignored = ["*.pyc*", "*.tmp.*", "_build", "soak", "cuda_emulator", "nist"]
        shutil.copytree(ROOT / tree, folder / tree, ignore=shutil.ignore_patterns(*ignored))
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
    """Apply a diff without line numbers. Its lines without ``+`` stand in the text, once, in this order.

    Other lines may stand between them: those of somebody who has followed the page before. New lines go before the next
    line that is there.
    """
    found = text.splitlines(keepends=True)
    new: list[str] = []
    at = 0
    for line in diff.splitlines(keepends=True):
        sign, words = line[:1], line[1:]
        assert sign in " +-", f"{name}: a line of the diff has no sign"
        if sign == "+":
            new.append(words)
            continue
        assert found.count(words) == 1 or not words.strip(), f"{name} does not have this line once:\n{words}"
        assert words in found[at:], f"{name} does not have this line after those before it:\n{words}"
        at = found.index(words, at)
        found[at:at] = new
        at += len(new) + 1
        new = []
        if sign == "-":
            at -= 1
            del found[at]
    found[at:at] = new
    return "".join(found)


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


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package that has all that the pages add."""
    folder = copy_of_the_package(tmp_path_factory.mktemp("package"))
    for page in ADDED:
        ADDED[page] = follow(page, folder)
    return folder


def test_a_diff_must_fit():
    assert with_lines("a\nb\nc\n", " a\n+x\n b\n", "f") == "a\nx\nb\nc\n"
    assert with_lines("a\nb\nc\n", "-a\n+x\n b\n", "f") == "x\nb\nc\n"
    assert with_lines("a\nb\nc\n", " a\n+x\n c\n", "f") == "a\nb\nx\nc\n"  # b was added before
    assert with_lines("a\n\nb\n\nc\n", " b\n \n-c\n+x\n", "f") == "a\n\nb\n\nx\n"
    assert with_lines("a\nb\nc\n", "+x\n b\n", "f") == "a\nx\nb\nc\n"
    for text, diff in (("a\nb\n", " z\n+x\n"), ("a\na\n", " a\n+x\n")):
        with pytest.raises(AssertionError, match="f does not have this line once"):
            with_lines(text, diff, "f")
    with pytest.raises(AssertionError, match="after those before it"):
        with_lines("a\nb\n", " b\n+x\n a\n", "f")
    with pytest.raises(AssertionError, match="no sign"):
        with_lines("a\n", "a\n", "f")


def test_what_the_pages_add_passes_its_tests(package):
    """Their own tests, and those that every addition must pass."""
    own = [name for files in ADDED.values() for name in files if name.startswith("tests/")]
    assert len(own) >= len(ADDED)
    assert " passed" in run(package, *PYTEST, *own, "tests/symjobs/test_rest.py::test_every_job_type_has_one_way_in")
    names = ["mean_absolute_deviation", "MissingShareJob", "range"]
    rules = ["pages_of_job_types", "room", "order", "circle", "public_name", "type_checkers_see", "question", "option"]
    files = ["tests/test_docs.py", "tests/test_typing.py"]
    assert " passed" in run(package, *PYTEST, *files, "-k", " or ".join(names + rules))


def test_what_the_pages_add_has_the_style_of_the_rest(package):
    pytest.importorskip("ruff")
    pytest.importorskip("mypy")
    python = sorted({name for files in ADDED.values() for name in files if name.endswith(".py")})
    run(package, "-m", "ruff", "check", *python)
    run(package, "-m", "ruff", "format", "--check", *python)
    run(package, "-m", "mypy", f"--cache-dir={package / 'cache'}", *(name for name in python if "tests/" not in name))


def test_an_added_job_type_runs_on_the_command_line(package, tmp_path):
    """The question of the page, as a user calls it; its example and help, as test_questions.py has them."""
    table = tmp_path / "people.csv"
    table.write_text("height,weight\n1.7,\n1.8,80\n")
    printed = run(package, "-m", "symjobs", "run", "missing", str(table), "--least", "0.2")
    assert "people: shares of missing values" in printed
    assert "0.5" in printed
    assert "height" not in printed
    assert "--least" in run(package, "-m", "symjobs", "run", "missing", "--help")
    assert " passed" in run(package, *PYTEST, "tests/symjobs/cli/test_questions.py")


def test_an_added_model_type_runs_on_the_command_line(package):
    printed = run(package, "-m", "symjobs", "run", "anomaly", "iris", "--model", "range", "--warmup", "100")
    assert "iris: anomalies by range" in printed


def test_an_added_kernel_runs(package):
    module = "symkernels._deviation._deviation"
    assert run(package, "-c", f"import doctest, {module} as m; print(doctest.testmod(m))").endswith("attempted=3)\n")
