"""The documentation is true: its code runs, its lists are complete, its order of rooms holds, and it builds."""

from __future__ import annotations

import argparse
import ast
import doctest
import functools
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

import symjobs as sj
import symkernels
from symjobs._cli._parser import build_parser
from symjobs._cli.questions import QUESTIONS
from symjobs._jobs import JOB_TYPES
from symjobs._models import MODEL_TYPES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGES = {"symkernels": ROOT / "kernels" / "symkernels", "symjobs": ROOT / "symjobs"}
ASIDE = {"symkernels.cuda"}  # no Python to run

GENERATED = "<!-- Written by docs/_generate_examples.py"  # test_worked_examples.py runs what such a page shows
PAGES = sorted(
    page
    for page in DOCS.rglob("*.md")
    if "_build" not in page.relative_to(DOCS).parts and GENERATED not in page.read_text(encoding="utf-8")
)

needs_sphinx = pytest.mark.skipif(
    importlib.util.find_spec("sphinx") is None,
    reason="THE DOCUMENTATION IS NOT TESTED: sphinx is not installed; pip install 'symjobs[docs]'",
)
needs_numpydoc = pytest.mark.skipif(
    importlib.util.find_spec("numpydoc") is None,
    reason="DOCSTRINGS ARE NOT TESTED: numpydoc is not installed; pip install 'symjobs[docs]'",
)


# --- the code in the pages and in the docstrings runs -----------------------------------------------------------------

FENCE = re.compile(r"^```(python|pycon)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE_IN_PAGE = re.compile(r"^(`{4,}).*?^\1$", re.MULTILINE | re.DOTALL)  # a page that a page shows; it is not run here
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run_examples(examples: list[doctest.Example], scope: dict[str, object], page: Path) -> None:
    """Run the examples of one block in the scope of its page; fail with the report of what differs."""
    for example in examples:
        if example.exc_msg is not None:
            example.exc_msg = with_private_name(example.exc_msg)
    test = doctest.DocTest(examples, {}, page.name, str(page), 0, None)
    test.globs = scope
    report: list[str] = []
    doctest.DocTestRunner(verbose=False, optionflags=FLAGS).run(test, out=report.append, clear_globs=False)
    assert not report, "".join(report)


def with_private_name(message: str) -> str:
    """``symjobs.InputError: ...``, as the pages have it, by the name that a traceback prints."""
    name, colon, rest = message.partition(":")
    package, _, public = name.strip().rpartition(".")
    if package not in PACKAGES:
        return message
    error = getattr(importlib.import_module(package), public)
    return f"{error.__module__}.{error.__qualname__}{colon}{rest}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_code_in_a_page_runs(page, tmp_path, monkeypatch, capsys):
    """The blocks of a page share their names, as a reader's session would."""
    text = PAGE_IN_PAGE.sub(lambda shown: "\n" * shown[0].count("\n"), page.read_text(encoding="utf-8"))
    blocks = list(FENCE.finditer(text))
    if not blocks:
        return
    monkeypatch.chdir(tmp_path)
    scope: dict[str, object] = {"__name__": "page"}
    for block in blocks:
        kind, code = block.groups()
        line = text.count("\n", 0, block.start()) + 1
        if kind == "python":
            exec(compile("\n" * line + code, str(page), "exec"), scope)
        else:
            examples = doctest.DocTestParser().get_examples(code, name=page.name)
            assert examples, f"{page}, line {line}: a pycon block without >>>"
            for example in examples:
                example.lineno += line
            run_examples(examples, scope, page)
    for name in ("manager", "front", "worker"):
        if isinstance(left := scope.get(name), sj.JobManager):
            left.shutdown(timeout=0)


def modules() -> Iterator[types.ModuleType]:
    for package, folder in PACKAGES.items():
        yield importlib.import_module(package)
        for found in pkgutil.walk_packages([str(folder)], prefix=f"{package}."):
            if found.name not in ASIDE:
                yield importlib.import_module(found.name)


def test_the_examples_in_docstrings_run():
    finder = doctest.DocTestFinder(exclude_empty=True)
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=FLAGS)
    tested = 0
    for module in modules():
        for test in finder.find(module):
            tested += len(test.examples)
            runner.run(test, out=report.append)
    assert not report, "".join(report)
    assert tested >= 10  # that the finder finds them


# --- the lists in the pages are complete ------------------------------------------------------------------------------


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, and the program's own under its name."""
    program = build_parser()
    (commands,) = (a for a in program._actions if isinstance(a, argparse._SubParsersAction))
    commands.choices["learn"].fill()
    return {"symjobs": program, **{f"symjobs {name}": parser for name, parser in commands.choices.items()}}


def own_options(question: str) -> set[str]:
    """The options that a question adds itself, which the directive ``questions`` documents."""
    parser = build_parser().questions[question]
    parser.fill()
    groups = {group.title: group for group in parser._action_groups}
    return {option for action in groups["the question"]._group_actions for option in action.option_strings}


def options_of_questions() -> set[str]:
    """The options that questions have besides their own."""
    found: set[str] = set()
    for name, parser in build_parser().questions.items():
        own = own_options(name)
        found |= {option for option in parser._option_string_actions if option.startswith("--")} - own
    return found


def options() -> list[tuple[str, str]]:
    return [("symjobs run", option) for option in sorted(options_of_questions() - {"--help"})] + [
        (command, option)
        for command, parser in parsers().items()
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--")
    ]


COMMAND_LINE = (DOCS / "guide" / "command-line.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """What stands under a heading of the page on the command line, subsections included."""
    return COMMAND_LINE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize(("command", "option"), options(), ids=" ".join)
def test_every_option_is_documented(command, option):
    text = COMMAND_LINE if option == "--help" or command == "symjobs" else section(command)
    if command == "symjobs learn":  # the options about the data are those of symjobs run
        text += section("symjobs run")
    assert re.search(rf"`[^`]*{option}\b", text), f"{command} {option}"


def test_every_command_question_and_metric_is_documented():
    for command in parsers():
        assert command in COMMAND_LINE
    assert "```{questions}\n```" in section("symjobs run")


def test_no_option_is_documented_that_is_not_there():
    there = {option for _, option in options()}
    for parser in build_parser().questions.values():
        parser.fill()
        there |= set(parser._option_string_actions)
    assert set(re.findall(r"--[a-z][a-z-]*", COMMAND_LINE)) <= there


@needs_sphinx
def test_every_question_is_in_the_table_of_questions(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    tables = importlib.import_module("_question_table")
    assert [row[0] for row in tables.questions()[1:]] == [(name, True) for name in QUESTIONS]
    for name in QUESTIONS:
        shown = {row[0][0].split()[0] for row in tables.options(QUESTIONS[name].load())[1:]}
        assert shown == own_options(name)


@pytest.mark.parametrize(
    "command", [line for line in section("symjobs run").splitlines() if line.startswith("symjobs ")]
)
def test_the_examples_of_commands_parse(command):
    import shlex

    build_parser().parse_args(shlex.split(command)[1:])


def test_the_settings_of_a_manager_are_documented():
    """Each with its default, in the page for operators."""
    page = (DOCS / "guide" / "operations.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| `(\w+)` \| `?([\w.]+)`?(?: s)? \|", page, re.MULTILINE))
    settings = {p.name: p.default for p in inspect.signature(sj.JobManager).parameters.values()}
    assert {name: table.get(name) for name in settings} == {
        name: f"{default:g}" if type(default) in (int, float) else str(default) for name, default in settings.items()
    }


def test_the_extras_are_documented():
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    page = (DOCS / "guide" / "operations.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| `(\w+)` \|", page.partition("## Extras")[2].partition("\n## ")[0], re.MULTILINE)
    assert sorted(found) == sorted(extras)


def job_page(job_type: str) -> str:
    return (DOCS / "jobs" / f"{job_type}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("job_type", JOB_TYPES)
def test_every_job_type_has_a_page(job_type):
    """With a worked example, and with the table of its parameters if there are any."""
    page = job_page(job_type)
    assert page.startswith(f"# {job_type}\n")
    assert FENCE.search(page), f"{job_type}: no example in Python"
    if JOB_TYPES[job_type].parameter_type.declared():
        assert f"```{{parameters}} {job_type}\n```" in page


def test_the_pages_of_job_types_are_in_the_tree():
    pages = {page.stem for page in (DOCS / "jobs").glob("*.md")} - {"index"}
    assert pages == set(JOB_TYPES)  # the tree has each page that ends in Job
    assert all(page.endswith("Job") for page in pages)
    assert "```{toctree}\n:glob:\n\n*Job\n```" in job_page("index")


def test_the_table_of_parameters(monkeypatch):
    """The directive's rows: names, values, defaults and texts of the declaration."""
    monkeypatch.syspath_prepend(str(DOCS))
    table = importlib.import_module("_parameter_table")
    head, *rows = ([text for text, _ in row] for row in table.rows("PCAJob"))
    assert head == ["parameter", "in Python", "value", "default", "what it does"]
    declared = JOB_TYPES["PCAJob"].parameter_type.declared()
    assert rows[0] == ["explainedCovariance", "explained", "a number from 0 to 1", "1.0", declared[0].text]
    assert [row[0] for row in rows] == [one.wire for one in declared]
    defaults = {name.wire: table.default(name)[0] for name in JOB_TYPES["OptimizedKmeansJob"].parameter_type.declared()}
    assert (defaults["kmeans_k_min"], defaults["kmeans_rnd_seed"]) == ("required", "none")
    assert not table.arguments("symjobs._jobs._pca.PCAParameters")
    with pytest.raises(TypeError, match="no Parameters class"):
        table.rows("symjobs._jobs._pca.PCAJob")


@functools.cache
def results() -> dict[str, object]:
    """A result of each job type."""
    iris = sj.datasets.load_iris()
    project = sj.Project("iris").learn(iris)
    scored = sj.Project("iris").learn(iris)
    scored.build("m", "oospca")
    given = {
        "AwsInfoJob": ("key", "secret", "eu-west-1"),
        "BuildJob": (scored, "m", "oospca"),
        "ForgetJob": (sj.Project("q").learn(iris), iris),
        "LearnJob": (sj.Project("q"), iris),
        "DSPredictDataFrameJob": (scored, "m", iris),
        "ExploreJob": (project, "uni", [["sepal_length"]]),
        "DSUpdateJob": (sj.Project("q"), sj.datasets.open("iris")),
        "ListProjectsInfoJob": ([project],),
        "OptimizedKmeansJob": (iris, 2, 3),
    }
    with mock_aws():
        found = {
            name: kind(*given.get(name, (project,))).run(sj.JobContext())
            for name, kind in JOB_TYPES.items()
            if name != "SparkDSUpdateJob"
        }
    return {**found, "SparkDSUpdateJob": found["DSUpdateJob"]}  # the same; tests/symjobs/spark runs it


@pytest.mark.parametrize("job_type", JOB_TYPES)
def test_what_results_hold_is_documented(job_type):
    """The page of a job type names every field and property of its result, and nothing else."""
    result = results()[job_type]
    held = {name for name in dir(result) if not name.startswith("_") and not callable(getattr(result, name))}
    part = job_page(job_type).partition("## What the result holds\n")[2].partition("\n## ")[0]
    # Code that follows a name, in parentheses, says more of it.
    assert set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", part))) == held


@pytest.mark.parametrize("name", MODEL_TYPES)
def test_every_model_type_has_its_table_of_parameters(name):
    guide = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "guide").glob("*.md"))
    assert f"```{{parameters}} {name}\n```" in guide


# --- every public name is in the reference, and says what it takes and gives ------------------------------------------

DIRECTIVE = re.compile(r"^\.\. auto(?:class|exception|function|module|data):: ([\w.]+)$", re.MULTILINE)
ENTRIES = "\n".join(
    page.read_text(encoding="utf-8")
    for folder in ("reference", "jobs")
    for page in sorted((DOCS / folder).glob("*.md"))
)
REFERENCE = set(DIRECTIVE.findall(ENTRIES))
# Methods that one part of symjobs offers another; the reference leaves them out.
EXCLUDED = {
    f"{name}.{method}"
    for name, methods in re.findall(r"auto\w+:: ([\w.]+)\n   :members:\n   :exclude-members: (.*)", ENTRIES)
    for method in methods.split(", ")
}


def public() -> list[tuple[str, object]]:
    """Every public name: those of the two packages, and of the public modules of symjobs."""
    modules = [symkernels, sj, *(value for name in sj.__all__ if inspect.ismodule(value := getattr(sj, name)))]
    return [(f"{module.__name__}.{name}", getattr(module, name)) for module in modules for name in module.__all__]


PUBLIC = public()
DOCUMENTED = [(name, value) for name, value in PUBLIC if not isinstance(value, str | types.ModuleType)]


def test_every_public_name_is_in_the_reference():
    assert {name for name, _ in PUBLIC} == REFERENCE


def own_and_inherited(value: type) -> dict[str, object]:
    """The attributes of a class and of its bases in the two packages."""
    bases = [base for base in reversed(value.__mro__) if base.__module__.partition(".")[0] in PACKAGES]
    return {name: member for base in bases for name, member in vars(base).items()}


def methods() -> list[tuple[str, object]]:
    """What a public class adds to be called, and its properties."""
    found = []
    for name, value in DOCUMENTED:
        if isinstance(value, type) and not issubclass(value, Exception):
            for attribute, member in own_and_inherited(value).items():
                if attribute.startswith("_") or f"{name}.{attribute}" in EXCLUDED:
                    continue
                if isinstance(member, property | functools.cached_property):
                    found.append((f"{name}.{attribute}", member))
                elif isinstance(member, type):  # a class attribute, such as the type of a job's parameters
                    continue
                elif callable(member) or isinstance(member, classmethod | staticmethod):
                    found.append((f"{name}.{attribute}", getattr(value, attribute)))
    return found


def own_parameters(value: object) -> list[str]:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return []
    return [name for name in signature.parameters if name not in ("self", "cls")]


@needs_numpydoc
@pytest.mark.parametrize(("name", "value"), DOCUMENTED, ids=[name for name, _ in DOCUMENTED])
def test_a_public_name_has_the_sections_of_numpydoc(name, value):
    from numpydoc.docscrape import NumpyDocString

    text = value.__doc__
    assert text, f"{name} has no docstring"
    if isinstance(value, type) and issubclass(value, BaseException):
        return
    sections = NumpyDocString(inspect.cleandoc(text))
    assert any(">>>" in line for line in sections["Examples"]), f"{name}: no section Examples"
    if isinstance(value, type):
        assert not own_parameters(value) or sections["Parameters"] or sections["Attributes"], (
            f"{name}: no section Parameters or Attributes"
        )
        return
    assert not own_parameters(value) or sections["Parameters"], f"{name}: no section Parameters"
    assert sections["Returns"] or sections["Yields"], f"{name}: no section Returns"


@needs_numpydoc
def test_methods_are_documented():
    """Each has a docstring; one that takes several arguments has a section Parameters, with all of them."""
    from numpydoc.docscrape import NumpyDocString

    missing = []
    for name, value in methods():
        text = inspect.getdoc(value)  # an overridden method may inherit it
        if not text:
            missing.append(f"{name}: no docstring")
            continue
        parameters = [] if isinstance(value, property | functools.cached_property) else own_parameters(value)
        if len(parameters) > 1:
            sections = NumpyDocString(text)["Parameters"]
            named = {part.strip(" *") for section in sections for part in section.name.split(",")}
            absent = [p for p in parameters if p not in named]
            if absent:
                missing.append(f"{name}: Parameters lack {', '.join(absent)}")
    assert not missing, "\n".join(missing)


# --- imports keep to the order of rooms in docs/architecture.md -------------------------------------------------------


def order_of_rooms() -> dict[str, list[list[str]]]:
    """The lists of docs/architecture.md: for each package, the rooms on each line, from the top down."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    lists = {}
    for heading, body in re.findall(r"^### (\S+)\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL):
        lines = [re.findall(r"`(\w+|\*)`", line) for line in re.findall(r"^\d+\. ([^:]*):", body, re.MULTILINE)]
        package = heading.replace("/", ".")
        named = {room for line in lines for room in line}
        others = [room for room in rooms(package) if room not in named]  # what `*` stands for
        lists[package] = [[room for name in line for room in (others if name == "*" else [name])] for line in lines]
    return lists


def rooms(package: str) -> list[str]:
    """The files and folders of a package that hold Python."""
    top, *inner = package.split(".")
    folder = PACKAGES[top].joinpath(*inner)
    return sorted({file.relative_to(folder).with_suffix("").parts[0] for file in folder.rglob("*.py")})


ORDER = order_of_rooms()


def imports(package: str) -> dict[str, set[str]]:
    """What each room of a package imports: other rooms of it, and the other package."""
    top, *inner = package.split(".")
    folder = PACKAGES[top].joinpath(*inner)
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("*.py")):
        place = file.relative_to(folder).with_suffix("").parts
        targets = found.setdefault(place[0], set())
        for name in imported_names(file, [*package.split("."), *place][:-1]):
            if name.startswith(f"{package}."):
                targets.add(name.removeprefix(f"{package}.").partition(".")[0])
            elif name.partition(".")[0] in PACKAGES.keys() - {top}:
                targets.add(name.partition(".")[0])
        targets.discard(place[0])
    rooms = set(found) | set(PACKAGES)
    return {room: targets & rooms for room, targets in found.items()}  # what is left is names in an __init__


def imported_names(file: Path, package: list[str]) -> Iterator[str]:
    """The full names of what a module imports, anywhere in it, also for type checkers alone.

    ``package`` is the package that holds the module.
    """
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def module_imports(package: str) -> dict[str, set[str]]:
    """The modules of a package that each of its modules imports; an ``__init__`` goes by its package's name."""
    folder = PACKAGES[package]
    files: dict[str, Path] = {}
    for file in sorted(folder.rglob("*.py")):
        parts = [package, *file.relative_to(folder).with_suffix("").parts]
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    found: dict[str, set[str]] = {}
    for module, file in files.items():
        inside = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
        names = imported_names(file, inside)
        # `from a.b import c` imports the module a.b.c if there is one, else a name of the module a.b.
        targets = {name if name in files else name.rpartition(".")[0] for name in names}
        found[module] = (targets & set(files)) - {module}
    return found


def circles(arrows: dict[str, set[str]]) -> list[set[str]]:
    """The sets of modules that import each other in a circle: strongly connected components of two or more."""
    reached: dict[str, set[str]] = {}
    for start in arrows:
        seen: set[str] = set()
        waiting = list(arrows[start])
        while waiting:
            if (module := waiting.pop()) not in seen:
                seen.add(module)
                waiting.extend(arrows[module])
        reached[start] = seen
    found: list[set[str]] = []
    for module, seen in reached.items():
        circle = {other for other in seen if module in reached[other]}
        if circle and circle not in found:
            found.append(circle)
    return found


def test_both_packages_have_a_list():
    assert set(PACKAGES) <= set(ORDER)


@pytest.mark.parametrize("package", ORDER)
def test_the_list_has_every_room_once(package):
    rooms = [room for line in ORDER[package] for room in line]
    assert len(rooms) == len(set(rooms))
    assert set(rooms) == set(imports(package))


@pytest.mark.parametrize("package", ORDER)
def test_no_room_imports_against_the_order(package):
    level = {room: number for number, line in enumerate(ORDER[package]) for room in line}
    against = [
        f"{package}.{room} imports {target}"
        for room, targets in imports(package).items()
        for target in sorted(targets - {"symkernels"})
        if target == "symjobs" or level[target] >= level[room]
    ]
    assert not against


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package):
    assert not circles(module_imports(package))


def test_the_test_of_circles_can_fail(tmp_path, monkeypatch):
    """A circle is found across rooms, through an ``__init__``, and through an import for type checkers."""
    (tmp_path / "_room").mkdir()
    (tmp_path / "__init__.py").write_text("from ._room import f\n")
    (tmp_path / "_low.py").write_text("if TYPE_CHECKING:\n    from ._room._inner import f\n")
    (tmp_path / "_apart.py").write_text("from . import _low\n")
    (tmp_path / "_room" / "__init__.py").write_text("from ._inner import f\n")
    (tmp_path / "_room" / "_inner.py").write_text("from .. import _low\nimport made._low\n")
    monkeypatch.setitem(PACKAGES, "made", tmp_path)
    assert circles(module_imports("made")) == [{"made._low", "made._room._inner"}]
    (tmp_path / "_room" / "_inner.py").write_text("from .. import f\n")
    assert circles(module_imports("made")) == [{"made", "made._room", "made._room._inner"}]


def test_the_test_of_the_order_can_fail(tmp_path, monkeypatch):
    """A room below that is imported from above is found, relative or absolute, at any depth."""
    (tmp_path / "_deep").mkdir()
    (tmp_path / "_low.py").write_text("def f():\n    from ._high import g\n")
    (tmp_path / "_high.py").write_text("if TYPE_CHECKING:\n    from . import _low\n")
    (tmp_path / "_deep" / "_inner.py").write_text("from .._high import g\nimport symjobs.rest\nimport made._low\n")
    monkeypatch.setitem(PACKAGES, "made", tmp_path)
    assert imports("made") == {"_low": {"_high"}, "_high": {"_low"}, "_deep": {"_high", "symjobs", "_low"}}


# --- the documentation builds -----------------------------------------------------------------------------------------


@needs_sphinx
def test_the_documentation_builds_without_warnings(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(tmp_path / "trees")]
    path = os.pathsep.join([str(ROOT), str(ROOT / "kernels")])
    built = subprocess.run(
        [*command, str(DOCS), str(tmp_path / "html")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=240,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert (tmp_path / "html" / "index.html").is_file()
