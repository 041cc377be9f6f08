"""The exploration metrics of the wire contract, section 5, as functions of a project's moments.

Each module holds one family: the statistics as pure functions of counts, means, variances or tables, and the metrics,
which decide from a request's inputs what to compute. A metric checks its request and returns a plan; the plan reads
the moments. So a job can refuse bad input before it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from symjobs._errors import InputError
from symjobs._explore._anova import anova
from symjobs._explore._attributes import Attribute, Catalogue
from symjobs._explore._bivariate import bi
from symjobs._explore._chi2 import chi2
from symjobs._explore._ftest import ftest, ftestmu
from symjobs._explore._gain import gain
from symjobs._explore._plan import Metric, Plan
from symjobs._explore._request import MetricRequest
from symjobs._explore._statistics import LARGEST_ERROR, Statistics
from symjobs._explore._ttest import ttest, ttestmu
from symjobs._explore._univariate import uni
from symjobs._explore._ztest import ztest, ztestmu, ztestp
from symjobs._state import Snapshot

__all__ = [
    "LARGEST_ERROR",
    "METRICS",
    "Attribute",
    "Catalogue",
    "MetricRequest",
    "Plan",
    "Statistics",
    "explore",
    "prepare",
]

METRICS: dict[str, Metric] = {
    "uni": uni,
    "bi": bi,
    "ztest": ztest,
    "ztestp": ztestp,
    "ztestmu": ztestmu,
    "ttest": ttest,
    "ttestmu": ttestmu,
    "ftest": ftest,
    "ftestmu": ftestmu,
    "anova": anova,
    "chi2": chi2,
    "gain": gain,
}


def prepare(request: MetricRequest) -> Plan:
    """Check a request and return what computes it.

    Raises
    ------
    InputError
        If the metric is unknown, its inputs are not what it takes, or a parameter is missing or not a number.
    UnknownAttribute
        If a name or index is unknown.
    """
    metric = METRICS.get(request.metric)
    if metric is None:
        raise InputError(f"unknown metric {request.metric!r}; known are {', '.join(METRICS)}")
    return metric(request)


def explore(
    snapshot: Snapshot,
    metric: str,
    inputs: Iterable[str | int],
    targets: Iterable[str | int] | None = None,
    parameters: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """Compute one metric from a project's snapshot.

    Parameters
    ----------
    snapshot : Snapshot
        Of a project; see `Project.snapshot`.
    metric : str
        One of `METRICS`; the keys that each returns are in the wire contract, section 5.
    inputs, targets : iterable of str or int
        Names of attributes or categories, or indexes of attributes as numbers or as text.
    parameters : mapping of str to str, optional
        ``unbiased``, ``sml_explore_ztest_known_mu``, ...

    Returns
    -------
    dict of str to float
        NaN where a value is undefined.

    Raises
    ------
    InputError, UnknownAttribute
        As `prepare`.
    UnsupportedTest
        If the data cannot support the test: a constant, one group, one row or column of the table.
    """
    request = MetricRequest(Catalogue(snapshot), metric, tuple(inputs), tuple(targets or ()), dict(parameters or {}))
    return prepare(request)(Statistics(snapshot))
