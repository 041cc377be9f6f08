"""What importing costs, and which way imports may go."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OPTIONAL = [
    "cupy", "numba", "llvmlite", "pyarrow", "pandas", "polars", "rich", "matplotlib", "datasketches", "sqlalchemy",
    "psycopg", "safetensors", "threadpoolctl", "scipy.stats", "scipy.special",
]  # fmt: skip


@pytest.mark.parametrize("package", ["symkernels", "symjobs"])
def test_importing_loads_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print([m for m in {OPTIONAL} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("package", ["symkernels", "symjobs"])
def test_every_public_name_can_be_had(package: str) -> None:
    module = __import__(package)
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert set(module.__all__) <= set(dir(module))
    with pytest.raises(AttributeError):
        _ = module.no_such_name


def test_importing_is_quick() -> None:
    """Under 0.3 s over NumPy's own import, of processor time and the best of three, as other work may be going on.

    Modules are compiled to bytecode once, as in any installation.
    """
    code = (
        "import time, numpy; t = time.process_time(); import symkernels, symjobs;"
        "symjobs.Project, symjobs.PCAJob, symjobs.ExploreJob, symjobs.JobManager; print(time.process_time() - t)"
    )
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds = [float(subprocess.check_output([sys.executable, "-c", code], env=env)) for _ in range(3)]
    assert min(seconds) < 0.3


def _imports(path: Path) -> set[str]:
    """Modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
    return found


def test_symjobs_uses_only_public_names_of_symkernels() -> None:
    for path in (ROOT / "symjobs").rglob("*.py"):
        assert not {name for name in _imports(path) if name.startswith("symkernels._")}, path
