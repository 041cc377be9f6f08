"""A type checker sees the public names, and passes the examples of the docs, as a user would write them."""

from __future__ import annotations

import ast
import doctest
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import symjobs

ROOT = Path(__file__).resolve().parents[1]
INIT = ROOT / "symjobs" / "__init__.py"
# Pages left out: pandas and pyarrow have no types (data, files); the class of predictions depends on a model's type
# (models, anomalies).
PAGES = ["README.md", "docs/index.md", *(
    f"docs/guide/{page}.md"
    for page in ("clusters", "command-line", "extreme-values", "jobs", "learn-forget-merge", "operations", "rest")
)]  # fmt: skip
FENCE = re.compile(r"^```(python|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("package", ["symjobs", "kernels/symkernels"])
def test_a_package_ships_its_types(package):
    assert (ROOT / package / "py.typed").is_file()
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert package in wheel["packages"]  # a folder goes into the wheel as a whole


def test_the_version_is_that_of_the_distribution():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert symjobs.__version__ == project["version"]


def names_for_type_checkers() -> dict[str, str]:
    """The names that ``if TYPE_CHECKING:`` imports in ``symjobs/__init__.py``, each with the module it is from."""
    (block,) = (
        node
        for node in ast.parse(INIT.read_text(encoding="utf-8")).body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    found = {}
    for statement in block.body:
        assert isinstance(statement, ast.ImportFrom)
        for alias in statement.names:
            assert alias.name == alias.asname, f"line {statement.lineno}: write `{alias.name} as {alias.name}`"
            found[alias.name] = str(statement.module)
    return found


def names_at_run_time() -> dict[str, str]:
    """The names that ``symjobs.__getattr__`` loads, each with the module it is from."""
    return {
        **dict.fromkeys(symjobs._MODULES, "symjobs"),
        **{name: f"symjobs.{room}" for name, room in symjobs._NAMES.items()},
        **{name: job_type.__module__ for name, job_type in symjobs.JOB_TYPES.items()},
    }


def test_type_checkers_see_every_public_name():
    seen, loaded = names_for_type_checkers(), names_at_run_time()
    missing = [f"from {loaded[name]} import {name} as {name}" for name in loaded if seen.get(name) != loaded[name]]
    assert not missing, "add under TYPE_CHECKING in symjobs/__init__.py: " + "; ".join(missing)
    unknown = [f"from {seen[name]} import {name} as {name}" for name in seen if name not in loaded]
    assert not unknown, "remove from symjobs/__init__.py, or register the name: " + "; ".join(unknown)


def code_of(page: Path) -> str:
    """The Python of a page, as one module. Of a session it has what the reader types."""
    blocks = [
        code if kind == "python" else "".join(e.source for e in doctest.DocTestParser().get_examples(code))
        for kind, code in FENCE.findall(page.read_text(encoding="utf-8"))
    ]
    return "\n".join(blocks)


def type_check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``mypy --strict`` on the modules of a folder, with the packages as if they were installed."""
    pytest.importorskip("mypy", reason="EXAMPLES ARE NOT TYPE-CHECKED: pip install 'symjobs[dev]'")
    options = ["--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={folder / 'cache'}"]
    return subprocess.run(
        [sys.executable, "-m", "mypy", *options, *sorted(file.name for file in folder.glob("*.py"))],
        cwd=folder,
        env={**os.environ, "MYPYPATH": os.pathsep.join([str(ROOT), str(ROOT / "kernels")])},
        capture_output=True,
        text=True,
    )


def test_mypy_passes_the_examples(tmp_path):
    for page in PAGES:
        code = code_of(ROOT / page)
        if code:
            (tmp_path / f"page_{Path(page).stem.replace('-', '_')}.py").write_text(code, encoding="utf-8")
    checked = type_check(tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_mypy_finds_mistakes(tmp_path):
    """A misspelt name, an unknown parameter and a wrong type."""
    (tmp_path / "wrong.py").write_text(
        "import symjobs as sj\n"
        "import symkernels\n"
        'sj.Projekt("iris")\n'
        'project = sj.Project("iris")\n'
        "sj.PCAJob(project, n_component=2)\n"
        "n: str = project.n_rows\n"
        'symkernels.Moments("two")\n'
    )
    checked = type_check(tmp_path)
    assert [int(line.split(":")[1]) for line in checked.stdout.splitlines() if ": error:" in line] == [3, 5, 6, 7]
