"""One object a question: what each shows in its help, that its example runs, and that a new one needs one line."""

from __future__ import annotations

import shlex
import sys
from types import ModuleType
from typing import Any, ClassVar

import pytest

import symjobs as sj
from symjobs._cli._parser import build_parser
from symjobs._cli.questions import QUESTIONS, Entry
from symjobs._cli.questions._question import Question
from symjobs._engine import Request
from symjobs._jobs import JOB_TYPES
from symjobs._parameters import Integer, Parameters, parameter
from tests.symjobs.cli._main import exit_code


def options_of(question: str) -> tuple[set[str], set[str]]:
    """Return the options that a question adds itself, and the others."""
    parser = build_parser().questions[question]
    parser.fill()
    groups = {group.title: group for group in parser._action_groups}
    own = {option for action in groups["the question"]._group_actions for option in action.option_strings}
    return own, {option for option in parser._option_string_actions if option.startswith("--")} - own


OPTIONS = {question: options_of(question) for question in QUESTIONS}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_help_of_a_question_has_its_options_and_no_other(capsys, question):
    assert exit_code(["run", question, "--help"]) == 0
    out = capsys.readouterr().out
    words = set(out.replace(",", " ").replace("[", " ").replace("]", " ").split())
    own, others = OPTIONS[question]
    assert own | others <= words
    text_of_options = out.partition("the question:")[2].partition("the data:")[0]
    shown = {line.split()[0].rstrip(",") for line in text_of_options.splitlines() if line.strip().startswith("--")}
    assert shown == own
    assert f"symjobs run {QUESTIONS[question].load().example}" in out


def test_each_question_has_options_of_its_own():
    own = {question: options for question, (options, _) in OPTIONS.items()}
    assert "--explained" in own["pca"]
    assert "--explained" not in own["kmeans"] | own["anomaly"] | own["explore"]
    assert all("--inputs" in options for options in own.values())


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_other_options_are_those_of_every_question(question):
    _, others = OPTIONS[question]
    assert ("--plot" in others) == QUESTIONS[question].load().draws
    assert others | {"--plot"} == OPTIONS["pca"][1]
    assert {"--filter", "--types", "--json"} <= others


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_example_of_a_question_runs(capfd, tmp_path, monkeypatch, question):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(QUESTIONS[question].load().example)
    assert words[0] == question
    assert exit_code(["run", *words]) == 0
    assert capfd.readouterr().out.strip()
    if "--plot" in words:
        assert (tmp_path / words[words.index("--plot") + 1]).stat().st_size > 1000


class RarestParameters(Parameters):
    most: int = parameter("rarestMost", Integer(1), "name so many attributes", default=2)


class RarestResult:
    def __init__(self, counts: dict[str, str]) -> None:
        self.counts = counts

    def entities(self) -> dict[str, Any]:
        return {"KSVSMap": sj.KSVSMap([self.counts])}


class RarestJob(sj.Job):
    """Which attributes have the fewest values."""

    parameter_type = RarestParameters

    def __init__(self, project: sj.Project, most: int = RarestParameters.most) -> None:
        self.project = project
        self.parameters = RarestParameters(most=most)

    @classmethod
    def from_request(cls, request: Request) -> RarestJob:
        given = RarestParameters.from_text({**request.context.extraParameters, **request.query}, cls.job_type)
        return cls(request.project, **given.values())

    def run(self, context: sj.JobContext) -> RarestResult:
        snapshot = context.snapshot(self.project)
        counts = dict(zip(snapshot.names, snapshot.moments.count.tolist(), strict=True))
        rarest = sorted(counts, key=counts.__getitem__)[: self.parameters.most]
        return RarestResult({name: str(int(counts[name])) for name in rarest})


class RarestQuestion(Question):
    job_type: ClassVar[str] = "RarestJob"
    what: ClassVar[str] = "attributes with the fewest values"
    example: ClassVar[str] = "rarest iris --most 1"


@pytest.fixture
def rarest(monkeypatch):
    """A job type and its question, registered as the one line in each list does."""
    module = ModuleType("rarest_of_a_test")
    module.RarestJob = RarestJob
    module.QUESTION = RarestQuestion()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(JOB_TYPES._places, "RarestJob", module.__name__)
    monkeypatch.setitem(QUESTIONS, "rarest", Entry(module.__name__, RarestQuestion.what))


@pytest.mark.usefixtures("rarest")
def test_a_new_job_type_and_question_are_one_file_and_one_line_each(capfd, tmp_path):
    path = tmp_path / "holes.csv"
    path.write_text("a,b,c\n1,5,2\n2,,3\n3,,\n4,5,6\n")
    assert exit_code(["run", "rarest", path, "--most", "2"]) == 0
    out = capfd.readouterr().out
    assert out.startswith("holes: attributes with the fewest values")
    assert [line.split() for line in out.splitlines() if line.split()[:1] in (["b"], ["c"])] == [["b", "2"], ["c", "3"]]
    assert exit_code(["run", "rarest", path, "--most", "0"]) == 2
    assert "argument --most: must be a whole number of at least 1, got '0'" in capfd.readouterr().err
    assert exit_code(["run", "--help"]) == 0
    assert "rarest" in capfd.readouterr().out


@pytest.mark.usefixtures("rarest")
def test_a_new_job_type_works_over_rest():
    with sj.JobManager() as manager:
        manager.projects.add("c1", sj.Project("iris").learn(sj.datasets.load_iris()))
        created = sj.rest.submit_job(manager, "c1", "RarestJob", "iris", sj.MLContext(), {"rarestMost": "1"})
        assert created.status == 202
        number = created.headers["sym-job-id"]
        manager.get("c1", number).result(timeout=60)
        assert len(sj.rest.get_job(manager, "c1", number).body["values"]["KSVSMap"]["values"][0]) == 1
