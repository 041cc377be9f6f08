"""Metrics of a job manager for Prometheus (extra ``metrics``)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from symjobs._engine import JobManager
from symjobs._engine._counts import BOUNDS
from symjobs._errors import MissingDependency

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["JobCollector"]


class JobCollector:
    """A collector for `prometheus_client`: register it, and the metrics of the manager are exported.

    Parameters
    ----------
    manager : JobManager
        The manager, of this process. Each process of a server has its own.

    Raises
    ------
    MissingDependency
        If prometheus_client is not installed (extra ``metrics``).

    Notes
    -----
    ``symjobs_jobs_queued`` and ``symjobs_jobs_running`` (label ``workers``: heavy or light),
    ``symjobs_jobs_finished_total`` (``type``, ``outcome``: done, failed or killed), ``symjobs_jobs_refused_total``
    (``type``), ``symjobs_job_seconds``, a histogram of the running times (``type``), and
    ``symjobs_workers_replaced_total``.

    Examples
    --------
    >>> import prometheus_client
    >>> import symjobs as sj
    >>> registry = prometheus_client.CollectorRegistry()
    >>> with sj.JobManager() as manager:
    ...     registry.register(sj.metrics.JobCollector(manager))
    ...     handle = manager.submit(sj.ProjectInfoJob(sj.Project("iris")))
    ...     info = handle.result(timeout=10)
    >>> registry.get_sample_value("symjobs_jobs_finished_total", {"type": "ProjectInfoJob", "outcome": "done"})
    1
    """

    def __init__(self, manager: JobManager) -> None:  # noqa: D107 - the class says what it takes
        try:
            from prometheus_client import core
        except ModuleNotFoundError as error:
            raise MissingDependency("prometheus_client", "metrics", "JobCollector") from error
        self._core: Any = core
        self._manager = manager

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; `prometheus_client` calls it."""
        counts = self._manager.counts()
        for name, text, values in (
            ("symjobs_jobs_queued", "Jobs that wait.", counts.queued),
            ("symjobs_jobs_running", "Jobs that run.", counts.running),
        ):
            gauge = self._core.GaugeMetricFamily(name, text, labels=["workers"])
            for workers, value in values.items():
                gauge.add_metric([workers], value)
            yield gauge
        finished = self._core.CounterMetricFamily(
            "symjobs_jobs_finished", "Jobs that ended.", labels=["type", "outcome"]
        )
        for (job_type, outcome), ended in counts.ended.items():
            finished.add_metric([job_type, outcome], ended.count)
        yield finished
        refused = self._core.CounterMetricFamily("symjobs_jobs_refused", "Jobs that were refused.", labels=["type"])
        for job_type, count in counts.refused.items():
            refused.add_metric([job_type], count)
        yield refused
        yield self._seconds(counts.ended)
        replaced = self._core.CounterMetricFamily("symjobs_workers_replaced", "Worker threads that died.")
        replaced.add_metric([], counts.workers_replaced)
        yield replaced

    def _seconds(self, ended: Any) -> Metric:
        family = self._core.HistogramMetricFamily("symjobs_job_seconds", "How long jobs ran.", labels=["type"])
        bounds = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
        for job_type in sorted({job_type for job_type, _ in ended}):
            own = [value for (name, _), value in ended.items() if name == job_type]
            sums = accumulate(map(sum, zip(*(value.histogram for value in own), strict=True)))
            family.add_metric([job_type], list(zip(bounds, sums, strict=True)), sum(value.seconds for value in own))
        metric: Metric = family
        return metric
