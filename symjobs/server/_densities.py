"""The routes of densities."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from symjobs._entities import Density, MLContext
from symjobs._explore import Catalogue, MetricRequest, Statistics
from symjobs._explore._density import DensityParameters, check_size, conditional_densities, densities
from symjobs._jobs._context import input_names, target_names
from symjobs.rest import Response, envelope
from symjobs.server._call import Call, Route

Answer = Callable[[MetricRequest, Statistics], list[Density]]


def estimate(name: str, answer: Answer, call: Call) -> Response:
    project = call.project
    given = call.contexts()
    contexts = [given] if isinstance(given, MLContext) else given.values
    snapshot = project.snapshot()
    catalogue, statistics = Catalogue(snapshot), Statistics(snapshot)
    found = []
    for context in contexts:
        parameters = {**context.extraParameters, **call.query}
        names = input_names(project, context), target_names(project, context)
        found += answer(MetricRequest(catalogue, name, *names, parameters), statistics)
        check_size(sum(len(one.histogram) for one in found))
    return envelope(HTTPStatus.OK, "OK", densityList={"values": found})


def routes() -> list[Route]:
    """Return the routes."""
    return [
        _route("densityEstimate", "Which share of an attribute's values lies in each bin", densities),
        _route("conditionalDensityEstimate", "The same in the rows of a group, as a normal law", conditional_densities),
    ]


def _route(name: str, summary: str, answer: Answer) -> Route:
    return Route(
        method="POST",
        path=f"/projects/{{pid}}/{name}",
        answer=partial(estimate, name, answer),
        summary=summary,
        body="contexts",
        query={declared.wire: declared.text for declared in DensityParameters.declared()},
        answers={200: "OK"},
        values=("densityList",),
        threads="long",
    )
