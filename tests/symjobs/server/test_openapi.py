"""The OpenAPI document: it has every route, and schemathesis finds no undocumented status, header or body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi import checks

import symjobs as sj
from symjobs._jobs import JOB_TYPES
from symjobs.server._signature import Message, signed_headers
from tests.symjobs.server._client import ROWS, SECRET, USERS, WAIT, Client, serving

CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


CONTRACT = """
    /jobs /jobs/{jobid}
    /projects /projects/list /projects/info /projects/{pid} /projects/{pid}/info
    /projects/{pid}/learn /projects/{pid}/forget
    /projects/{pid}/save /projects/{pid}/freeze /projects/{pid}/unfreeze /projects/{pid}/rename /projects/{pid}/merge
    /projects/{pid}/export /projects/{pid}/import
    /projects/{pid}/explore /projects/{pid}/vif /projects/{pid}/explorepca /projects/{pid}/exploresvd
    /projects/{pid}/exploresvdfs /projects/{pid}/densityEstimate /projects/{pid}/conditionalDensityEstimate
    /projects/{pid}/kmeansOptimize /projects/{pid}/build
    /projects/{pid}/models/{modelid} /projects/{pid}/predict/{modelid} /projects/{pid}/learnpredict/{modelid}
    /projects/{pid}/{modelid}/evtwrapper
    /fedml/{pid}/awsinfo
    /dss /dss/create /dss/{name} /dss/{name}/sample /projects/{pid}/dss/{name}/learn /projects/{pid}/dss/{name}/forget
"""


class Signer(requests.auth.AuthBase):
    """Signs what requests sends."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(request.url)
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        for name in ("sym-date", "Authorization", "Content-MD5"):
            request.headers.pop(name, None)
        request.headers.update(signed_headers(Message(request.method, "c1", parts.path, parts.query, body), SECRET))
        return request


@pytest.fixture(scope="module")
def service() -> Iterator[int]:
    manager = sj.JobManager(queue_size=5, grace=WAIT)
    with manager, serving(sj.server.create_app(manager, USERS)) as port, Client(port) as client:
        client.post("/projects", query="pid=p")
        client.post("/projects/p/learn", ROWS)
        client.result(client.post("/projects/p/build", {"inputAttributeNames": ["a", "b"]}, "modelid=m&algo=oospca"))
        yield port


@pytest.fixture(scope="module")
def document(service: int) -> dict:
    return requests.get(f"http://127.0.0.1:{service}/openapi.json", timeout=WAIT).json()


@pytest.mark.filterwarnings("ignore")
def test_every_answer_is_documented(document: dict, service: int) -> None:
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        _check(found.ok(), service)


def _check(operation: Any, port: int) -> None:
    @given(case=operation.as_strategy(), known=st.booleans())
    @settings(max_examples=15, suppress_health_check=list(HealthCheck), database=None)
    def check(case: schemathesis.Case, known: bool) -> None:
        # Names that are there as often as not, so that more than refusals is seen.
        there = {"pid": "p", "modelid": "m", "jobid": "1"} if known and case.method != "DELETE" else {}
        case.path_parameters = {name: there.get(name, value) for name, value in case.path_parameters.items()}
        case.path_parameters["cid"] = "c1"
        response = case.call(base_url=f"http://127.0.0.1:{port}", auth=Signer(), timeout=WAIT)
        seen.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    seen: set[int] = set()
    check()
    print(operation.label, sorted(seen))  # pytest shows it where an operation fails


def test_every_route_of_the_job_types_is_there(document):
    paths = {path.removeprefix("/symetry/rest/{cid}"): methods for path, methods in document["paths"].items()}
    for kind in JOB_TYPES.values():
        for declared in getattr(kind, "routes", ()):
            assert declared.method.lower() in paths[declared.path], declared


def test_the_contract_s_routes_are_there(document):
    """All but those of predictions on data sources, auto-select and drift, which are not built yet."""
    paths = set(document["paths"])
    for path in CONTRACT.split():
        assert f"/symetry/rest/{{cid}}{path}" in paths, path


def test_parameters_are_those_of_the_path(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
            assert operation["summary"]
            assert {"400", "401", "500"} <= set(operation["responses"])
