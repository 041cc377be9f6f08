"""Every route of the contract, over HTTP: what it answers, and in which words."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from scipy import stats

from tests.symjobs.server._client import FRAME, ROWS, Client

INPUTS = {"inputAttributeNames": ["a", "b"]}


@pytest.fixture
def pid(client: Client, request: pytest.FixtureRequest):
    """A project of c1 that has learnt four rows."""
    name = f"p {abs(hash(request.node.name)) % 10**9}"
    path = f"/projects/{name.replace(' ', '%20')}"
    assert client.post("/projects", query=f"pid={name.replace(' ', '+')}").status == 201
    assert client.post(f"{path}/learn", ROWS).status == 200
    yield path
    client.delete(path)


def test_the_life_of_a_project(client):
    created = client.post("/projects", {"missing": "listwise", "unheard_of": "1"}, "pid=life&type=cpu&persist=true")
    assert (created.status, created.json["statusCode"], created.text) == (
        201,
        "CREATED",
        "Project Created with id:life",
    )
    again = client.post("/projects", query="pid=life")
    assert (again.status, again.json["statusCode"]) == (409, "CONFLICT")
    assert again.text == "Customer [c1] already have SYMETRYML with id[life]"
    assert "life" in client.get("/projects/list").values["stringList"]["values"]
    learnt = client.post("/projects/life/learn", ROWS)
    assert (learnt.status, learnt.text, learnt.values) == (200, "OK", {})
    info = client.get("/projects/life/info").values["smlInfo"]
    assert (info["pid"], info["attributeNames"], info["params"]) == ("life", ["a", "b"], {"missing": "listwise"})
    gone = client.delete("/projects/life")
    assert (gone.status, gone.text) == (200, "deleted Project with id[life] from Customer[c1] store")
    twice = client.delete("/projects/life")
    assert (twice.status, twice.text) == (400, "Customer[c1] does not have Project with id[life]")
    assert "life" not in client.get("/projects/list").values["stringList"]["values"]


@pytest.mark.parametrize("route", ["info", "save", "freeze", "unfreeze", "export", "merge?otherProjectName=x"])
def test_an_unknown_project(client, route):
    answer = client.get(f"/projects/none/{route.partition('?')[0]}", route.partition("?")[2])
    assert (answer.status, answer.json["statusCode"]) == (400, "BAD_REQUEST")
    assert answer.text == f"Cannot Find SYMETRYML id[{'x' if 'merge' in route else 'none'}] for Customer id [c1]"


def test_projects_belong_to_their_customer(client, other, pid):
    assert other.get(f"{pid}/info").status == 400
    assert other.get("/projects/list").values["stringList"]["values"] == []
    assert other.delete(pid).status == 400
    assert client.get(f"{pid}/info").status == 200


@pytest.mark.parametrize("body", [b"", b"null", b" \n", b"{}"])
def test_a_project_without_parameters(client, body):
    assert client.post("/projects", body, "pid=bare").status == 201
    assert client.delete("/projects/bare").status == 200


@pytest.mark.parametrize(("kind", "found"), [("dynamic", "cpu"), ("cpu", "cpu"), ("", "cpu")])
def test_project_types(client, kind, found):
    client.post("/projects", query=f"pid=typed&type={kind}")
    assert client.get("/projects/typed/info").values["smlInfo"]["type"] == found
    client.delete("/projects/typed")
    refused = client.post("/projects", query="pid=typed&type=quantum")
    assert refused.status == 400
    assert "quantum" in refused.text


def test_forgetting_freezing_and_counts(client, pid):
    def count():
        answer = client.post(f"{pid}/explore", {"values": [{"inputAttributeNames": ["a"]}]}, "metric=uni")
        assert answer.status == 200, answer.raw
        return answer.values["KSVDMap"]["values"][0]["count"]

    assert count() == 4
    assert client.get(f"{pid}/freeze").status == 200
    frozen = client.post(f"{pid}/learn", ROWS)
    assert frozen.status == 400
    assert "frozen" in frozen.text
    assert client.get(f"{pid}/unfreeze").status == 200
    one = {**json.loads(ROWS), "data": [["4", "9"]]}
    assert client.post(f"{pid}/forget", one).status == 200
    assert count() == 3
    assert client.post(f"{pid}/forget", ROWS).status == 400
    assert count() == 3


def test_learning_as_a_job(client, pid):
    found = client.result(client.post(f"{pid}/learn", ROWS, "async=true"))
    assert (found.status, found.text, found.values) == (200, "Job is finished", {})
    assert client.result(client.post(f"{pid}/forget", ROWS, "async=true")).status == 200
    failed = client.result(client.post(f"{pid}/forget", {**json.loads(ROWS), "data": [["7", "x"]]}, "async=true"))
    assert (failed.status, failed.json["statusCode"]) == (500, "INTERNAL_SERVER_ERROR")
    assert "'x'" in failed.text
    assert failed.values["jobinfo"]["isDone"] is True


def test_renaming_and_merging(client, pid):
    assert client.get(f"{pid}/rename", "newName=renamed").status == 200
    assert client.get(f"{pid}/info").status == 400
    client.post("/projects", query="pid=second")
    assert client.get("/projects/second/merge", "otherProjectName=renamed").status == 200
    assert client.get("/projects/second/info").values["smlInfo"]["attributeNames"] == ["a", "b"]
    taken = client.get("/projects/second/rename", "newName=renamed")
    assert (taken.status, taken.text) == (409, "Customer [c1] already have SYMETRYML with id[renamed]")
    assert client.get("/projects/second/rename").status == 400
    for name in ("renamed", "second"):
        assert client.delete(f"/projects/{name}").status == 200


@pytest.mark.parametrize("form", ["string", "whole answer", "values", "JSON text"])
def test_export_and_import(client, pid, form):
    exported = client.get(f"{pid}/export")
    text = exported.values["string"]
    base64.b64decode(text, validate=True)
    body = {
        "string": text.encode(),
        "whole answer": exported.raw,
        "values": json.dumps(exported.values).encode(),
        "JSON text": json.dumps(text).encode(),
    }[form]
    assert client.post("/projects/copy/import", body).status == 201
    first, second = (client.get(f"{path}/info").values["smlInfo"]["hash"] for path in (pid, "/projects/copy"))
    assert first == second
    assert client.post("/projects/copy/import", body).status == 409
    client.delete("/projects/copy")
    for bad in (b"", b"no Base64", b"AAAA", text[: len(text) // 2].encode()):
        refused = client.post("/projects/copy/import", bad)
        assert refused.status == 400
        assert "/" not in refused.text.replace("/export", "")  # no path of the server
    assert client.get("/projects/copy/info").status == 400


@pytest.mark.parametrize(
    ("route", "keys"),
    [
        ("vif", {"KSVSMap"}),
        ("explorepca", {"pcaVectors", "pcaValues", "pcaSumValues"}),
        ("exploresvd", {"KSVSMap"}),
        ("exploresvdfs", {"KSVSMap"}),
        ("explore", {"KSVDMap", "smlInfo"}),
    ],
)
@pytest.mark.parametrize("several", [True, False])
def test_questions_are_jobs(client, pid, route, keys, several):
    body = {"values": [INPUTS]} if several else INPUTS
    query = "metric=bi&async=true" if route == "explore" else ""
    if route == "explore":
        body = {"inputAttributeNames": ["a"], "targetAttributeNames": ["b"]}
    found = client.result(client.post(f"{pid}/{route}", body, query))
    assert (found.status, found.text) == (200, "Job is finished"), found.raw
    assert set(found.values) == keys


def test_all_projects_as_a_job(client, pid):
    found = client.result(client.get("/projects/info"))
    assert pid.rpartition("/")[2].replace("%20", " ") in [info["pid"] for info in found.values["smlInfoList"]["values"]]
    assert client.result(client.get(f"{pid}/info", "async=true")).values["smlInfo"]["attributeNames"] == ["a", "b"]


def test_an_exploration_in_the_request(client, pid):
    answer = client.post(f"{pid}/explore", {"values": [INPUTS]}, "metric=ttest&returnProjectInfo=false")
    assert (answer.status, answer.text) == (200, "OK")
    assert set(answer.values) == {"KSVDMap"}
    unknown = client.post(f"{pid}/explore", {"values": [INPUTS]}, "metric=tarot")
    assert unknown.status == 400
    assert client.post(f"{pid}/explore", {"values": [INPUTS]}).status == 400


def test_kmeans_needs_its_range(client, pid):
    missing = client.post(f"{pid}/kmeansOptimize", INPUTS)
    assert missing.status == 400
    assert "kmeans_k_m" in missing.text


def test_clusters_of_a_project(client):
    params = {"cluster_features": "a:b", "cluster_num_centroids": "5", "cluster_warmup_period": "6"}
    assert client.post("/projects", params, "pid=clusters").status == 201
    rows = [[str(i % 3 * 10 + i % 2), str(i % 3)] for i in range(60)]
    assert client.post("/projects/clusters/learn", {**json.loads(ROWS), "data": rows}).status == 200
    body = {"extraParameters": {"kmeans_k_min": "2", "kmeans_k_max": "3", "kmeans_rnd_seed": "1"}}
    found = client.result(client.post("/projects/clusters/kmeansOptimize", body))
    (answer,) = found.values["KSVSMap"]["values"]
    assert {"kmeans_2_wssse", "kmeans_3_silhouette", "kmeans_k_min"} <= set(answer)
    client.delete("/projects/clusters")


def test_the_life_of_a_model(client, pid):
    built = client.result(client.post(f"{pid}/build", INPUTS, "modelid=m&algo=mahalanobis"))
    assert (built.status, built.values) == (200, {})
    info = client.get(f"{pid}/models/m").values["modelInfo"]
    assert (info["modelId"], info["modelType"], info["attributeNames"]) == ("m", "mahalanobis", ["a", "b"])
    predicted = client.post(f"{pid}/predict/m", ROWS)
    assert (predicted.status, predicted.text) == (200, "OK")
    maps = predicted.values["KSVSMap"]["values"]
    assert len(maps) == 4
    assert all(isinstance(text, str) for one in maps for text in one.values())

    before = client.post(f"{pid}/learnpredict/m", ROWS)
    assert before.values["KSVSMap"]["values"] == maps  # predicted before it was learnt, and not built again
    rebuilt = client.post(f"{pid}/learnpredict/m", ROWS, "predictBeforeLearn=false&rebuildModel=true")
    assert rebuilt.status == 200
    later = client.get(f"{pid}/models/m").values["modelInfo"]
    assert later["info"]["projectHash"] != info["info"]["projectHash"]

    evt = {"evt_warmup_size": "100", "evt_alpha": "0.01", "evt_quantile": "0.9", "sml_evt_wrapper_model_id": "m",
           "sml_evt_wrapper_res_key": "score"}  # fmt: skip
    wrapped = client.post(f"{pid}/m/evtwrapper", evt)
    assert (wrapped.status, wrapped.text) == (200, "EVT Wrapper Created")
    assert "evt_is_anomaly" in client.post(f"{pid}/predict/m", ROWS).values["KSVSMap"]["values"][0]
    assert client.post(f"{pid}/m/evtwrapper", {**evt, "sml_evt_wrapper_model_id": "n"}).status == 400
    assert client.post(f"{pid}/m/evtwrapper", {"evt_alpha": "0.01"}).status == 400
    unwrapped = client.request("DELETE", f"{pid}/m/evtwrapper", evt)
    assert (unwrapped.status, unwrapped.text) == (200, "EVT Wrapper Deleted")
    assert client.delete(f"{pid}/m/evtwrapper").status == 400

    assert client.delete(f"{pid}/models/m").status == 200
    for path, method in ((f"{pid}/models/m", "GET"), (f"{pid}/models/m", "DELETE"), (f"{pid}/predict/m", "POST")):
        gone = client.request(method, path, ROWS if method == "POST" else b"")
        assert (gone.status, gone.text) == (500, "Error no such model <m>")


def test_anomaly_flags_as_a_job(client, pid):
    pytest.importorskip("datasketches")
    client.result(client.post(f"{pid}/build", INPUTS, "modelid=m&algo=oospca"))
    found = client.result(client.post(f"{pid}/predict/m", ROWS, "async=true&evt_warmup_size=100"))
    frame = found.values["dataframe"]
    assert frame["attributeNames"] == ["id", "res", "q95", "q98", "q99", "evt"]
    assert [row[0] for row in frame["data"]] == ["0", "1", "2", "3"]


def test_unknown_parameters_are_ignored_and_listed(client, pid):
    body = {**INPUTS, "extraParameters": {"hist_use_random": "true", "pcaNumDimension": "1"}}
    created = client.post(f"{pid}/explorepca", body, "type=dynamic&hist_use_random=true")
    found = client.result(created)
    assert found.values["pcaValues"]["attributeNames"] == ["e1"]
    (info,) = [info for info in client.get("/jobs").values["jobinfoList"]["values"]
               if str(info["jobId"]) == created.headers["sym-job-id"]]  # fmt: skip
    assert info["details"]["ignored"] == "type, hist_use_random"
    typo = client.post(f"{pid}/kmeansOptimize", {"extraParameters": {"kmeans_k_mn": "2"}})
    assert typo.status == 400
    built = client.result(client.post(f"{pid}/build", INPUTS, "modelid=m&algo=oospca&hist_use_random=true"))
    assert built.status == 200


def test_jobs_belong_to_their_customer(client, other, pid):
    created = client.post(f"{pid}/vif", INPUTS)
    number = created.headers["sym-job-id"]
    client.result(created)
    for path in (f"/jobs/{number}", f"/jobs/{number}/events"):
        answer = other.get(path)
        assert (answer.status, answer.text, answer.values) == (400, "No such job", {})
    assert other.delete(f"/jobs/{number}").status == 400
    assert other.get("/jobs").values["jobinfoList"]["values"] == []
    finished = client.delete(f"/jobs/{number}")
    assert (finished.status, finished.text) == (202, "Job cannot be killed")
    assert client.get(f"/jobs/{number}").text == "Job is finished"
    listed = client.get("/jobs")
    assert (listed.status, listed.text) == (200, "Job is finished")
    assert int(number) in [info["jobId"] for info in listed.values["jobinfoList"]["values"]]


@pytest.mark.parametrize("number", ["0", "-1", "1.0", "%20", "x", "9" * 40, "٣", "1%0a"])
def test_malformed_numbers(client, number):
    from urllib.parse import quote

    answer = client.get(f"/jobs/{quote(number, safe='%')}")
    assert (answer.status, answer.text) == (400, "No such job")


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"7", b"\xff", b'{"attributeNames": 3}', b'{"attributeNames":["a"],"data":[["1","2"]]}', b""]
)
def test_malformed_bodies(client, pid, body):
    for route in ("learn", "learn?async=true", "vif", "predict/m"):
        path, _, query = route.partition("?")
        answer = client.post(f"{pid}/{path}", body, query)
        assert answer.status in ((400, 500) if path.startswith("predict") else (400, 202)), (route, answer.raw)
        if path == "learn":
            assert answer.status == 400
        assert "\n" not in answer.text
    info = client.get(f"{pid}/info").values["smlInfo"]
    assert info["attributeNames"] == FRAME.attributeNames


# Densities.


@pytest.fixture
def sketched(client):
    """A project with histograms: 1,000 values, in two groups."""
    pytest.importorskip("datasketches")
    assert client.post("/projects", query="pid=sketched&enableHistogram=true").status == 201
    rng = np.random.default_rng(0)
    high = rng.random(1000) < 0.3
    x = np.where(high, rng.normal(10, 1, 1000), rng.normal(0, 2, 1000))
    rows = [[repr(value), str(int(one)), "high" if one else "low"] for value, one in zip(x.tolist(), high, strict=True)]
    body = {"attributeNames": ["x", "is_high", "group"], "attributeTypes": ["C", "B", "T"], "data": rows}
    assert client.post("/projects/sketched/learn", body).status == 200
    yield x, high
    client.delete("/projects/sketched")


def test_densities(client, sketched):
    x, high = sketched
    extra = {"hist_bins": "8", "hist_min": "-6", "hist_max": "14"}
    body = {"values": [{"inputAttributeNames": ["x", "is_high", "group$high"], "extraParameters": extra}]}
    answer = client.post("/projects/sketched/densityEstimate", body)
    assert (answer.status, answer.text) == (200, "OK")
    one, flag, member = answer.values["densityList"]["values"]
    assert (one["attrName"], one["min"], one["max"], one["width"], one["error"]) == ("x", -6, 14, 2.5, "")
    right = np.histogram(x, bins=8, range=(-6, 14))[0] / 1000
    assert one["histogram"] == pytest.approx(right, abs=2e-3)  # the sketch keeps the first 4,096 values
    for found in (flag, member):
        assert found["histogram"] == pytest.approx(
            np.histogram(high * 1.0, bins=8, range=(-6, 14))[0] / 1000, abs=1e-12
        )
    whole = client.post("/projects/sketched/densityEstimate", {"inputAttributeNames": ["x"]}, "hist_bins=5")
    (found,) = whole.values["densityList"]["values"]
    assert (found["min"], found["max"], len(found["histogram"])) == (x.min(), x.max(), 5)
    assert sum(found["histogram"]) == pytest.approx(1, abs=1e-9)


def test_conditional_densities(client, sketched):
    x, high = sketched
    extra = {"hist_bins": "20", "hist_min": "-6", "hist_max": "14"}
    body = {"inputAttributeNames": ["x"], "targetAttributeNames": ["group"], "extraParameters": extra}
    answer = client.post("/projects/sketched/conditionalDensityEstimate", body)
    found = {one["attrName"]: one for one in answer.values["densityList"]["values"]}
    assert set(found) == {"x|group$high", "x|group$low"}
    for name, rows in (("x|group$high", high), ("x|group$low", ~high)):
        group = x[rows]
        edges = np.linspace(-6, 14, 21)
        law = stats.norm(group.mean(), group.std(ddof=1))
        assert found[name]["histogram"] == pytest.approx(np.diff(law.cdf(edges)), abs=1e-9)
        assert np.abs(np.histogram(group, bins=edges)[0] / len(group) - found[name]["histogram"]).sum() < 0.25
    flags = {**body, "inputAttributeNames": ["is_high"]}
    shares = client.post("/projects/sketched/conditionalDensityEstimate", flags).values["densityList"]["values"]
    assert sorted(max(one["histogram"]) for one in shares) == [1, 1]


def x_with(extra):
    return {"inputAttributeNames": ["x"], "extraParameters": extra}


def test_densities_that_cannot_be(client, sketched, pid):
    (none,) = client.post(f"{pid}/densityEstimate", {"inputAttributeNames": ["a"]}).values["densityList"]["values"]
    assert "enableHistogram" in none["error"]
    assert none["histogram"] == []
    for route, body, words in (
        ("densityEstimate", {"inputAttributeNames": ["x"], "extraParameters": {"hist_bins": "0"}}, "hist_bins"),
        ("densityEstimate", {"values": [x_with({"hist_bins": "10000"})] * 101}, "1,000,000"),
        ("densityEstimate", {**x_with({"hist_bins": "10000"}), "inputAttributeNames": ["x"] * 101}, "1,000,000"),
        (
            "densityEstimate",
            {"inputAttributeNames": ["x"], "extraParameters": {"hist_min": "2", "hist_max": "1"}},
            "below",
        ),
        ("densityEstimate", {"inputAttributeNames": ["group"]}, "category"),
        ("densityEstimate", {}, "names no input"),
        ("conditionalDensityEstimate", {"inputAttributeNames": ["x"]}, "binary target"),
        ("conditionalDensityEstimate", {"inputAttributeNames": ["x"], "targetAttributeNames": ["x"]}, "continuous"),
    ):
        answer = client.post(f"/projects/sketched/{route}", body)
        assert (answer.status, words in answer.text) == (400, True), answer.text
    one = {"attributeNames": ["x", "is_high", "group"], "attributeTypes": ["C", "B", "T"], "data": [["5", "1", "lone"]]}
    client.post("/projects/sketched/learn", one)
    body = {"inputAttributeNames": ["x"], "targetAttributeNames": ["group$lone"]}
    (lone,) = client.post("/projects/sketched/conditionalDensityEstimate", body).values["densityList"]["values"]
    assert "at least 2" in lone["error"]
