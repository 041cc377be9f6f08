"""Run a job in the calling thread, down to the bytes that a store keeps."""

from __future__ import annotations

from symjobs._engine._job import Job, JobContext, Result
from symjobs._entities import to_json


def run_here(job: Job, context: JobContext) -> tuple[Result | None, bytes]:
    """Return what the job returned, and its entities as JSON. Raises what the job raises."""
    result = job.run(context)
    values = _encode(result, context)
    context.complete()
    return result, values


def _encode(result: Result | None, context: JobContext) -> bytes:
    if result is None:
        return b"{}"
    in_parts = getattr(result, "encode", None)
    if callable(in_parts):
        encoded: bytes = in_parts(context.checkpoint)
        return encoded
    if not callable(getattr(result, "entities", None)):  # isinstance of a Protocol takes ten times as long
        raise TypeError(f"run() returned {type(result).__name__}; a result has entities(), or is None")
    entities = result.entities()
    if not isinstance(entities, dict):
        raise TypeError(f"entities() returned {type(entities).__name__}; it returns a dict of entities by their key")
    return to_json(entities)
