"""What is counted, logged and traced of jobs; and that none of it can change a job."""

import logging
import sys

import prometheus_client
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import symjobs as sj
from symjobs._engine import _tracing
from tests.symjobs.engine._jobs import WAIT, Fail, Gate, Light, Nothing, Tell, held


def test_the_counts(managers, store_url):
    manager = managers(workers=1, queue_size=1, store=store_url)
    with held(manager) as (_, running):
        waiting = manager.submit(Tell(), owner="c1")
        with pytest.raises(sj.QueueFull):
            manager.submit(Tell(), owner="c1")
        counts = manager.counts()
        assert (counts.queued, counts.running) == ({"heavy": 1, "light": 0}, {"heavy": 1, "light": 0})
        assert running.kill()
    waiting.result(WAIT)
    manager.submit(Light(), owner="c1").result(WAIT)
    with pytest.raises(sj.JobFailed):
        manager.submit(Fail(ValueError("oh"))).result(WAIT)
    counts = manager.counts()
    assert {key: ended.count for key, ended in counts.ended.items()} == {
        ("Gate", "killed"): 1,
        ("Tell", "done"): 1,
        ("Light", "done"): 1,
        ("Fail", "failed"): 1,
    }
    assert counts.refused == {"Tell": 1}
    for ended in counts.ended.values():
        assert sum(ended.histogram) == ended.count
        assert 0 < ended.seconds < WAIT
    assert counts.workers_replaced == 0


def test_a_job_that_never_ran_took_no_time(managers):
    manager = managers(workers=1)
    with held(manager):
        assert manager.submit(Tell()).kill()
    assert manager.counts().ended["Tell", "killed"].seconds == 0


def test_prometheus_reads_them(managers):
    manager, registry = managers(workers=1, queue_size=1), prometheus_client.CollectorRegistry()
    registry.register(sj.metrics.JobCollector(manager))

    def value(name, **labels):
        return registry.get_sample_value(f"symjobs_{name}", labels)

    with held(manager):
        assert value("jobs_running", workers="heavy") == 1
        waiting = manager.submit(Nothing())
        assert value("jobs_queued", workers="heavy") == 1
        with pytest.raises(sj.QueueFull):
            manager.submit(Nothing())
    waiting.result(WAIT)
    manager.submit(Gate(), time_limit=0.02)._execution.finished.wait(WAIT)
    assert value("jobs_finished_total", type="Gate", outcome="done") == 1
    assert value("jobs_finished_total", type="Gate", outcome="failed") == 1
    assert value("jobs_refused_total", type="Nothing") == 1
    assert value("job_seconds_bucket", type="Gate", le="+Inf") == value("job_seconds_count", type="Gate") == 2
    assert value("job_seconds_bucket", type="Gate", le="0.02") <= 1
    assert value("job_seconds_sum", type="Gate") >= 0.02
    assert value("workers_replaced_total") == 0
    assert "symjobs_job_seconds_bucket" in prometheus_client.generate_latest(registry).decode()


def test_without_prometheus_an_error_says_what_to_install(managers, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(sj.MissingDependency, match=r"pip install .symjobs\[metrics\]"):
        sj.metrics.JobCollector(managers())


class Logs(Nothing):
    def run(self, context):
        logging.getLogger("somebody.else").warning("inside")


def test_log_records_say_which_job(managers, caplog):
    manager = managers(workers=1)
    caplog.handler.addFilter(logs := sj.JobLogFilter())
    try:
        with caplog.at_level(logging.DEBUG):
            logging.getLogger("somebody.else").warning("outside")
            manager.submit(Logs(), owner="c1").result(WAIT)
            with pytest.raises(sj.JobFailed):
                manager.submit(Fail(ValueError("oh")), owner="c2").result(WAIT)
            manager.submit(Nothing()).result(WAIT)  # the worker has ended the other one
    finally:
        caplog.handler.removeFilter(logs)
    found = [(r.getMessage().partition(" after")[0], r.job_id, r.job_type, r.owner) for r in caplog.records[:5]]
    assert found == [
        ("outside", None, None, None),
        ("inside", 1, "Logs", "c1"),
        ("Logs 1: done", 1, "Logs", "c1"),
        ("Internal error 2: Fail 2 failed", 2, "Fail", "c2"),
        ("Fail 2: failed", 2, "Fail", "c2"),
    ]


@pytest.fixture
def spans(monkeypatch):
    """A real tracer provider, for this test only."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    return exporter


def test_each_job_is_a_span_below_the_one_that_submitted_it(managers, spans):
    manager = managers(workers=1)
    with trace.get_tracer("test").start_as_current_span("request") as request:
        manager.submit(Tell(), owner="c1").result(WAIT)
    with pytest.raises(sj.JobFailed):
        manager.submit(Fail(ValueError("oh")), owner="c1").result(WAIT)
    manager.submit(Nothing()).result(WAIT)
    found = {span.name: span for span in spans.get_finished_spans()}
    done, failed = found["job Tell"], found["job Fail"]
    assert done.parent.span_id == request.get_span_context().span_id
    assert failed.parent is None
    assert dict(done.attributes) == {"symjobs.job.id": 1, "symjobs.job.type": "Tell", "symjobs.job.owner": "c1"}
    assert done.status.is_unset
    assert not failed.status.is_ok
    assert failed.events[0].attributes["exception.message"] == "oh"


@pytest.mark.parametrize("moment", ["on_start", "on_end"])
def test_a_tracer_that_raises_changes_nothing(managers, spans, monkeypatch, moment, caplog):
    class Raises(SpanProcessor):
        pass

    def fail(*_, **__):
        raise SystemExit(1)

    monkeypatch.setattr(Raises, moment, fail)
    trace._TRACER_PROVIDER.add_span_processor(Raises())
    manager = managers(workers=1)
    assert manager.submit(Tell(a="1")).result(WAIT).pairs == {"a": "1"}
    assert manager.submit(Tell(a="2")).result(WAIT).pairs == {"a": "2"}
    assert "a span could not be written" in caplog.text


def test_without_opentelemetry_nothing_is_traced_or_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    assert _tracing.current_context() is None
    assert _tracing.start_span(None, 1, "Tell", "c1") is None
    _tracing.end_span(None, None)
    assert "opentelemetry.trace" not in sys.modules
