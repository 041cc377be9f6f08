"""The OpenAPI document, made of the list of routes and of the entities."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from symjobs._entities import DataFrame, DSInfo, ExploreContext, MLContext
from symjobs._entities._typed import ENTITY_TYPES
from symjobs._version import __version__
from symjobs.server._call import Route

_REF = "#/components/schemas/{name}"
_COMMON = {
    400: "one line that names what is wrong, or why the request was not let in",
    401: "Invalid User, or Invalid Signature",
    500: "Internal error {number}, which the log explains",
}
_BODIES: dict[str, Any] = {
    "context": MLContext,
    "several": ExploreContext,
    "rows": DataFrame,
    "map": dict[str, str],
    "source": DSInfo,
    "secrets": dict[str, str],
}
_STREAM = "text/event-stream"


def openapi(prefix: str, routes: Iterable[Route], *, signed: bool) -> dict[str, Any]:
    """Return the document.

    Parameters
    ----------
    prefix : str
        Before the paths of all routes.
    routes : iterable of Route
    signed : bool
        Whether requests are signed.
    """
    types = {**ENTITY_TYPES, **{f"body {name}": kind for name, kind in _BODIES.items()}}
    schemas, components = msgspec.json.schema_components(list(types.values()), ref_template=_REF)
    schema_of = dict(zip(types, schemas, strict=True))
    schema_of["body contexts"] = {"anyOf": [schema_of["body several"], schema_of["body context"]]}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operations = paths.setdefault(prefix + route.path, {})
        operations[route.method.lower()] = _operation(prefix, route, schema_of, signed)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "symjobs",
            "version": __version__,
            "description": "One-pass statistics as jobs. Every answer is an envelope of statusCode, statusString and "
            "values.",
        },
        "paths": paths,
        "components": {"schemas": components},
    }
    if signed:
        document["components"]["securitySchemes"] = {
            "signature": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "Base64 of the HMAC-SHA256 of the string to sign; sym-date goes with it.",
            }
        }
        document["security"] = [{"signature": []}]
    return document


def _operation(prefix: str, route: Route, schema_of: Mapping[str, Any], signed: bool) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)}", prefix + route.path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": words, "schema": {"type": "string"}}
        for name, words in (route.query or {}).items()
    ]
    if signed:
        words = "yyyy-MM-dd HH:mm:ss;nanoseconds in UTC"
        parameters.append(
            {"name": "sym-date", "in": "header", "required": True, "description": words, "schema": {"type": "string"}}
        )
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": f"{route.method} {route.path}",
        "parameters": parameters,
        "responses": {
            str(status): _response(status, _words(status, route), route, schema_of)
            for status in sorted({*_COMMON, *route.answers} - ({401} if not signed else set()))
        },
    }
    if route.body == "text":
        operation["requestBody"] = {"content": {"text/plain": {"schema": {"type": "string"}}}}
    elif route.body:
        content = {"application/json": {"schema": schema_of[f"body {route.body}"]}}
        if route.body in ("source", "secrets"):  # encrypted, or plain
            content["text/plain"] = {"schema": {"type": "string"}}
        operation["requestBody"] = {"required": route.body in ("rows", "source", "secrets"), "content": content}
    return operation


def _words(status: int, route: Route) -> str:
    return "; or ".join(text for text in (route.answers.get(status), _COMMON.get(status)) if text)


def _response(status: int, words: str, route: Route, schema_of: Mapping[str, Any]) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    headers: dict[str, Any] = {}
    values: dict[str, Any] = {"type": "object"}
    if status in (HTTPStatus.OK, HTTPStatus.ACCEPTED) and not route.writes:
        headers["ETag"] = text
    if words.startswith("Job Created"):
        headers |= {"Location": text, "sym-job-id": text}
    if route.streams and status == HTTPStatus.OK:
        event = {"event": {"enum": ["progress", "end"]}, "data": {"type": "string"}}
        schema = {"type": "object", "required": ["event", "data"], "properties": event}
        return {"description": words, "content": {_STREAM: {"schema": schema}}}
    if status == HTTPStatus.OK and route.values:
        values = {"type": "object", "properties": {key: schema_of.get(key, {}) for key in route.values}}
    envelope = {
        "type": "object",
        "required": ["statusCode", "statusString", "values"],
        "additionalProperties": False,
        "properties": {
            "statusCode": {"const": HTTPStatus(status).name},
            "statusString": {"type": "string"},
            "values": values,
        },
    }
    return {"description": words, "headers": headers, "content": {"application/json": {"schema": envelope}}}
