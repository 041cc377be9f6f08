"""The routes of models: facts, predictions, extreme-value flags."""

from __future__ import annotations

from http import HTTPStatus

from symjobs._project import Project
from symjobs.rest import Response, envelope
from symjobs.server._call import Call, Route
from symjobs.server._jobs import ASYNC, or_job

_PREDICT = "/projects/{pid}/predict/{modelid}"
_NO_MODEL = {500: "Error no such model <{modelid}>"}


def info(call: Call) -> Response:
    return envelope(HTTPStatus.OK, "OK", modelInfo=call.project.model_info(call.path["modelid"]))


def delete(call: Call) -> Response:
    call.project.delete_model(call.path["modelid"])
    return envelope(HTTPStatus.OK, "OK")


def predict(call: Call) -> Response:
    predictions = call.project.predict(call.path["modelid"], call.rows(), impute=call.flag("impute"))
    return envelope(HTTPStatus.OK, "OK", **predictions.entities())


def learn_and_predict(call: Call) -> Response:
    project, model, rows = call.project, call.path["modelid"], call.rows()
    before, rebuild = call.flag("predictBeforeLearn", default=True), call.flag("rebuildModel")
    project.model_info(model)  # nothing is learnt where there is no such model
    if before:
        predictions = project.predict(model, rows)
        project.learn(rows)
    else:
        project.learn(rows)
    if rebuild:
        _rebuild(project, model)
    if not before:
        predictions = project.predict(model, rows)
    return envelope(HTTPStatus.OK, "OK", **predictions.entities())


def _rebuild(project: Project, model_id: str) -> None:
    built = project.snapshot().model(model_id)
    inputs, targets = ([known.name for known in those] or None for those in (built.model.inputs, built.model.targets))
    project.build(model_id, built.model.algo, inputs, targets, built.parameters)


def wrap(call: Call) -> Response:
    call.project.create_evt_wrapper(call.path["modelid"], parameters=call.map())
    return envelope(HTTPStatus.OK, "EVT Wrapper Created")


def unwrap(call: Call) -> Response:
    call.project.delete_evt_wrapper(call.path["modelid"])
    return envelope(HTTPStatus.OK, "EVT Wrapper Deleted")


def routes() -> list[Route]:
    """Return the routes."""
    model, wrapper = "/projects/{pid}/models/{modelid}", "/projects/{pid}/{modelid}/evtwrapper"
    return [
        Route(
            method="GET",
            path=model,
            answer=info,
            summary="A model",
            answers={200: "OK", **_NO_MODEL},
            values=("modelInfo",),
        ),
        Route(method="DELETE", path=model, answer=delete, summary="Delete a model", answers={200: "OK", **_NO_MODEL}),
        Route(
            method="POST",
            path=_PREDICT,
            answer=or_job(_PREDICT, predict),
            summary="Predictions for rows; with async=true anomaly flags for each row",
            body="rows",
            query={"impute": "true: replace missing inputs by means", "async": ASYNC},
            answers={200: "OK", 202: "Job Created", **_NO_MODEL},
            values=("KSVSMap",),
            threads="long",
        ),
        Route(
            method="POST",
            path="/projects/{pid}/learnpredict/{modelid}",
            answer=learn_and_predict,
            summary="Learn rows, and predict them",
            body="rows",
            query={
                "predictBeforeLearn": "true (default): predict first",
                "rebuildModel": "true: build the model again from what was learnt",
            },
            answers={200: "OK", **_NO_MODEL},
            values=("KSVSMap",),
            threads="long",
        ),
        Route(
            method="POST",
            path=wrapper,
            answer=wrap,
            summary="Flag extreme answers of a model",
            body="map",
            answers={200: "EVT Wrapper Created", **_NO_MODEL},
        ),
        Route(
            method="DELETE",
            path=wrapper,
            answer=unwrap,
            summary="Stop flagging answers of a model",
            body="map",
            answers={200: "EVT Wrapper Deleted", **_NO_MODEL},
        ),
    ]
