"""The routes of data sources."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from symjobs._entities import DSInfo, from_json
from symjobs._errors import InputError
from symjobs._text import HIDDEN, shown
from symjobs.rest import Response, envelope
from symjobs.server._call import Call, Route, no_such_source
from symjobs.sources._described import Described
from symjobs.sources._http import without_password
from symjobs.sources._open import SECRETS, check_dsinfo, shown_dsinfo
from symjobs.sources._sample import sample_of

_SAMPLE_ROWS = 128


def create(call: Call) -> Response:
    dsinfo = check_dsinfo(_description(call))
    if not call.sources.add(call.cid, dsinfo):
        text = f"Customer [{call.cid}] already have DS with name [{dsinfo.name}]"
        return envelope(HTTPStatus.CONFLICT, text)
    return envelope(HTTPStatus.CREATED, f"DS created with name [{dsinfo.name}] for customer [{call.cid}]")


def list_all(call: Call) -> Response:
    found = [shown_dsinfo(dsinfo) for dsinfo in call.sources.all(call.cid)]
    return envelope(HTTPStatus.OK, "OK", dsInfoList={"values": found})


def get(call: Call) -> Response:
    return envelope(HTTPStatus.OK, "OK", dsInfo=shown_dsinfo(call.source_info()))


def update(call: Call) -> Response:
    known, name = call.source_info(), call.path["name"]
    given = _description(call)
    if given.name not in ("", name):
        raise InputError(
            f"the description is that of data source {shown(given.name)}, and the path names {shown(name)}"
        )
    # A description as it was shown keeps its secrets.
    kept = {key: known.info[key] for key in SECRETS & known.info.keys() if given.info.get(key) == HIDDEN}
    if given.type == known.type == "http" and given.info.get("path") == without_password(known.info["path"]):
        kept["path"] = known.info["path"]
    dsinfo = check_dsinfo(msgspec.structs.replace(given, name=name, info={**given.info, **kept}))
    if not call.sources.replace(call.cid, dsinfo):
        raise no_such_source(call.cid, name)
    return envelope(HTTPStatus.OK, f"DS updated with name [{name}] for customer [{call.cid}]")


def delete(call: Call) -> Response:
    name = call.path["name"]
    if not call.sources.remove(call.cid, name):
        raise no_such_source(call.cid, name)
    return envelope(HTTPStatus.OK, f"DS deleted with name [{name}] for customer [{call.cid}]")


def sample(call: Call) -> Response:
    described = Described.of(call.source_info(), access=call.access)
    with described.hiding_secrets():
        return envelope(HTTPStatus.OK, "OK", dataframe=sample_of(described.open(), _SAMPLE_ROWS))


def _description(call: Call) -> DSInfo:
    return from_json(call.secret_json("the description of a data source"), DSInfo)


def routes() -> list[Route]:
    """Return the routes."""
    unknown = "Cannot Find DS [{name}] for Customer id [{cid}]"
    return [
        Route(
            method="POST",
            path="/dss/create",
            answer=create,
            summary="Describe a data source, by its name",
            body="source",
            answers={
                201: "DS created with name [{name}] for customer [{cid}]",
                409: "Customer [{cid}] already have DS with name [{name}]",
            },
        ),
        Route(
            method="GET",
            path="/dss",
            answer=list_all,
            summary="All data sources, without their secrets",
            answers={200: "OK"},
            values=("dsInfoList",),
        ),
        Route(
            method="GET",
            path="/dss/{name}",
            answer=get,
            summary="A data source, without its secrets",
            answers={200: "OK", 400: unknown},
            values=("dsInfo",),
        ),
        Route(
            method="PUT",
            path="/dss/{name}",
            answer=update,
            summary="Describe a data source anew; a secret that is *** stays",
            body="source",
            answers={200: "DS updated with name [{name}] for customer [{cid}]", 400: unknown},
        ),
        Route(
            method="DELETE",
            path="/dss/{name}",
            answer=delete,
            summary="Forget a data source; the data stays",
            answers={200: "DS deleted with name [{name}] for customer [{cid}]", 400: unknown},
        ),
        Route(
            method="GET",
            path="/dss/{name}/sample",
            answer=sample,
            summary=f"The first {_SAMPLE_ROWS} rows of a data source",
            answers={200: "OK", 400: unknown},
            values=("dataframe",),
            threads="long",
        ),
    ]
