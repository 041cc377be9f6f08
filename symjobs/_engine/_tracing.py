"""A span of OpenTelemetry for each job, where the application uses OpenTelemetry. A span cannot change a job."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from symjobs._engine._log import logger
from symjobs._version import __version__


class Span(NamedTuple):
    """A span that is current, and what makes it so no longer."""

    span: Any
    token: Any


def current_context() -> Any:
    """Return the context of the caller, the parent of a job's span; None without OpenTelemetry."""
    # An application that traces has imported it. So nothing is imported here.
    return _safely(lambda api: api.context.get_current())


def start_span(parent: Any, job_id: int, job_type: str, owner: str) -> Span | None:
    """Begin the span of a job in the thread that runs it."""

    def start(api: Any) -> Span:
        tracer = api.trace.get_tracer("symjobs", __version__)
        attributes = {"symjobs.job.id": job_id, "symjobs.job.type": job_type, "symjobs.job.owner": owner}
        span = tracer.start_span(f"job {job_type}", context=parent, attributes=attributes)
        return Span(span, api.context.attach(api.trace.set_span_in_context(span)))

    found: Span | None = _safely(start)
    return found


def end_span(span: Span | None, error: BaseException | None) -> None:
    """End it, with the exception that ended the job."""
    if span is None:
        return

    def end(api: Any) -> None:
        try:
            if error is not None:
                span.span.record_exception(error)
                span.span.set_status(api.trace.Status(api.trace.StatusCode.ERROR, type(error).__name__))
            span.span.end()
        finally:
            api.context.detach(span.token)

    _safely(end)


def _safely(use: Callable[[Any], Any]) -> Any:
    if "opentelemetry.trace" not in sys.modules or "opentelemetry.context" not in sys.modules:
        return None
    try:
        return use(sys.modules["opentelemetry"])
    except BaseException:  # noqa: BLE001 - not even SystemExit of an exporter may end a worker
        logger.exception("a span could not be written")
        return None
