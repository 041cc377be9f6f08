"""Fits of generalized Pareto tails: one series beside SciPy and libspot, and many at once beside a loop.

    PYTHONPATH=.:kernels python benchmarks/bench_gpd.py --json benchmarks/results.jsonl

One series: the same 1,000 or 10,000 excesses for everyone, those that libspot keeps of a sample with a heavy tail. No
fit may have a larger log-likelihood than ours, but for rounding. libspot fits only inside `Spot`, which first looks for
the level from where the tail begins. So three of its times are given:

- `Spot.fit` on the sample, half of which lies above the level;
- the same with so high a level that next to no excess is left: what of that is not the fit, but for storing excesses;
- `Spot.step` with one more excess, which replaces the oldest of a full tail and fits all of them again. There is
  nothing else in it that takes time, so it is what we compare with.

Many series: 10,000 of 100 excesses in one call, beside the public function called for one after the other, all of one
law, and of laws with shapes from -0.5 to 1.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import _harness as harness
import numpy as np
from scipy.stats import genpareto

from symkernels import fit_gpd

CALLS = {1_000: 20, 10_000: 5}  # timed together, as one takes microseconds


def log_likelihood(x: np.ndarray, shape: float, scale: float) -> float:
    return float(genpareto.logpdf(x, shape, 0.0, scale).sum())


def repeated(function: Callable[[], object], count: int) -> Callable[[], object]:
    def run() -> None:
        for _ in range(count):
            function()

    return run


def one_series(report: harness.Report, n: int) -> None:
    rng = np.random.default_rng(report.options.seed)
    sample = genpareto.rvs(0.2, size=5 * n // 2, random_state=rng)
    libspot, x = _libspot(sample, n)
    ours = fit_gpd(x)
    harness.require(abs(log_likelihood(x, ours.shape, ours.scale) - ours.loglik) < 1e-6, "our own log-likelihood")
    shape, _, scale = genpareto.fit(x, floc=0)
    above = {"SciPy": ours.loglik - log_likelihood(x, shape, scale)}
    cases: dict[str, Callable[[], object]] = {
        "fit_gpd": lambda: fit_gpd(x),
        "SciPy genpareto.fit": lambda: genpareto.fit(x, floc=0),
    }
    if libspot is not None:
        tail = _spot(libspot, sample, n)
        above["libspot"] = ours.loglik - log_likelihood(x, tail.gamma, tail.sigma)
        more = iter(np.resize(rng.permutation(x[x < np.quantile(x, 0.9)]), 10**6) + tail.excess_threshold)
        before = tail.gamma
        harness.require(tail.step(next(more)) == 1 and tail.gamma != before, "libspot did not fit again")
        cases["libspot Spot.step: fit"] = lambda: tail.step(next(more))
        cases["libspot Spot.fit"] = lambda: _spot(libspot, sample, n)
        cases["libspot Spot.fit, no tail"] = lambda: _spot(libspot, sample, n, level=1.0 - 3.0 / len(sample))
    for name, difference in above.items():
        print(f"{n:,} excesses: log-likelihood {difference:.2e} above {name}'s")
        harness.require(difference > -1e-6, f"{name} has the better likelihood")

    calls = CALLS[n]
    timings = harness.interleave(
        {name: repeated(case, calls) for name, case in cases.items()}, repeats=report.options.repeats
    )
    for peer, target in (("SciPy genpareto.fit", "<= 0.025"), ("libspot Spot.step: fit", "<= 1")):
        if peer in timings:
            report.add(
                f"{calls} fits of {n:,} excesses", timings, ours="fit_gpd", peer=peer, target=target,
                notes={"fit_gpd": _each(timings["fit_gpd"], calls)}, n=n, calls=calls, log_likelihood_above=above,
            )  # fmt: skip


def _each(timing: harness.Timing, calls: int) -> str:
    return "" if timing.median is None else f"{harness.duration(timing.median / calls)} a fit"


def _spot(libspot: Any, sample: np.ndarray, n: int, level: float = 0.5) -> Any:
    """A detector that keeps n excesses and calls next to nothing an anomaly."""
    spot = libspot.Spot(q=1e-9, level=level, max_excess=n)
    spot.fit(sample)
    return spot


def _libspot(sample: np.ndarray, n: int) -> tuple[Any, np.ndarray]:
    """The module and the n excesses that it keeps of the sample; None and others where it is not installed."""
    try:
        import libspot
    except ImportError:
        return None, sample[:n]
    x = np.array(_spot(libspot, sample, n).excesses(), dtype=np.float64)
    harness.require(len(x) == n, f"libspot keeps {len(x)} excesses and not {n}")
    return libspot, x


def many_series(report: harness.Report, title: str, shapes: Any, m: int, n: int) -> None:
    rng = np.random.default_rng(report.options.seed)
    shapes = np.broadcast_to(shapes, (m,))
    X = np.expm1(-shapes[:, None] * np.log(rng.random((m, n)))) / shapes[:, None]

    def loop() -> list[Any]:
        return [fit_gpd(row) for row in X]

    batch, alone = fit_gpd(X), loop()
    for name in ("shape", "scale", "loglik"):
        harness.require(np.array_equal(getattr(batch, name), [getattr(fit, name) for fit in alone]), name)
    timings = harness.interleave({"one batch": lambda: fit_gpd(X), "loop": loop}, repeats=report.options.repeats)
    notes = {name: _each(timing, m) for name, timing in timings.items()}
    report.add(
        f"{m:,} series of {n} excesses, {title}", timings, ours="one batch", peer="loop", target="<= 0.1",
        notes=notes, m=m, n=n,
    )  # fmt: skip


def main() -> int:
    options = harness.arguments("Fits of generalized Pareto tails beside SciPy, libspot and a loop")
    with harness.threads(options.threads):
        report = harness.Report("gpd", options)
        for n in CALLS:
            one_series(report, n)
        m = 500 if options.quick else 10_000
        many_series(report, "shape 0.1", 0.1, m, 100)
        many_series(report, "shapes -0.5 to 1", np.linspace(-0.5, 1.0, m + 1)[1:] - 1e-9, m, 100)
        report.finish()
    return 0


if __name__ == "__main__":
    sys.exit(main())
