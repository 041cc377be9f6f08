"""``symjobs run explore``: statistics and tests."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, ClassVar

from symjobs._cli._learn import parse_names, parse_pairs
from symjobs._cli.questions._correlations import draw_correlations
from symjobs._cli.questions._question import NAMES_HELP, Answer, Question
from symjobs._engine import Request
from symjobs._entities import ExploreContext, MLContext
from symjobs._errors import InputError
from symjobs._explore import METRICS
from symjobs._project import Project

_NAMES_IN_LABEL = 3


class ExploreQuestion(Question):
    """Descriptive statistics and hypothesis tests."""

    job_type: ClassVar[str] = "ExploreJob"
    example: ClassVar[str] = (
        "explore iris --metric anova --inputs petal_width --targets 'species$setosa,species$virginica'"
    )
    inputs_help: ClassVar[str] = (
        f"attributes to ask about: {NAMES_HELP} (default: every numeric one); may come several times, each time for "
        "one more test"
    )

    def add_options(self, group: argparse._ArgumentGroup) -> None:
        super().add_options(group)
        group.add_argument("--targets", action="append", metavar="A,B", help=f"target attributes: {NAMES_HELP}")
        group.add_argument("--metric", choices=list(METRICS), default="uni", help="statistics or test (default: uni)")
        group.add_argument(
            "--param",
            action="append",
            metavar="KEY=VALUE",
            help="an extra parameter, as unbiased=true or sml_explore_ztest_known_mu=3; may be repeated",
        )

    def request(self, options: argparse.Namespace, data: Any) -> Request:
        inputs, targets = _maps(options, data)
        extra = parse_pairs("--param", options.param)
        contexts = [
            MLContext(
                inputAttributeNames=names,
                targetAttributeNames=targets[place] if targets else [],
                extraParameters=extra,
            )
            for place, names in enumerate(inputs)
        ]
        return Request(project=data, context=ExploreContext(contexts), query={"metric": options.metric})

    def inputs(self, options: argparse.Namespace) -> list[str] | None:
        texts = [*(options.inputs or []), *(options.targets or [])]
        return list(dict.fromkeys(name for text in texts for name in parse_names(text))) or None

    def labels(self, options: argparse.Namespace, data: Any) -> list[str]:
        return labels_of(*_maps(options, data))

    def in_words(self, options: argparse.Namespace) -> str:
        return f"explore: {options.metric}"

    def draw(self, answer: Answer) -> Any:
        return draw_correlations(answer)


def _maps(options: argparse.Namespace, project: Project) -> tuple[list[list[str]], list[list[str]]]:
    """Return the inputs and targets of each map; targets are empty if none were named."""
    inputs = [parse_names(text) for text in options.inputs or []]
    if options.metric == "uni":  # describes one attribute at a time
        inputs = [[name] for names in inputs for name in names] or [[name] for name in project.snapshot().names]
    if not inputs:
        raise InputError(f"--metric {options.metric} needs --inputs, once for each test")
    targets = [parse_names(text) for text in options.targets or []]
    if targets and len(targets) not in (1, len(inputs)):
        raise InputError(f"--targets came {len(targets)} times and --inputs {len(inputs)} times; give one for each")
    return inputs, targets * len(inputs) if len(targets) == 1 else targets


def labels_of(inputs: Sequence[Sequence[str]], targets: Sequence[Sequence[str]] | None = None) -> list[str]:
    """Return a label for each map of an exploration: its inputs and targets."""
    labels = [_short(names) for names in inputs]
    if targets:
        labels = [f"{label} by {_short(names)}" for label, names in zip(labels, targets, strict=True)]
    return labels


def _short(names: Sequence[str]) -> str:
    more = len(names) - _NAMES_IN_LABEL
    return ", ".join(names[:_NAMES_IN_LABEL]) + (f" and {more} more" if more > 0 else "")


QUESTION = ExploreQuestion()
