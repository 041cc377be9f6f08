"""Thresholds of a stream beside libspot, and the consequences of their settings.

    python benchmarks/bench_spot.py [--quick] [--json FILE] [--no-tables]

Speed, alpha 1e-4, quantile 0.98, warm-up 2,000, max_excesses 500 on both sides, 1e6 normal values: all in one array
beside libspot's Python loop, and 2e5 of them one value a call on both sides. The benchmark stops if ours flags fewer
outliers than libspot, or clean values at more than twice alpha.

The tables are those of `docs/guide/extreme-values.md`: means of eight seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import _harness as harness
import numpy as np

from symkernels import DriftSpot, Spot

ALPHA, QUANTILE, WARMUP, MOST = 1e-4, 0.98, 2000, 500


def _peer(x: np.ndarray) -> Any:
    import libspot

    spot = libspot.Spot(ALPHA, level=QUANTILE, max_excess=MOST)
    spot.fit(x[:WARMUP])
    return spot


def _ours(x: np.ndarray) -> Spot:
    spot = Spot(ALPHA, QUANTILE, WARMUP, max_excesses=MOST)
    spot.update(x[:WARMUP])
    return spot


def speed(report: harness.Report, n: int) -> None:
    x = np.random.default_rng(report.options.seed).standard_normal(n)
    outliers = x.copy()
    places = np.arange(n // 2, n, 1000)
    outliers[places] = 9.0
    flags = _ours(x).update(outliers[WARMUP:]).flags
    harness.require(bool(flags[places - WARMUP].all()), "an outlier was missed")
    alarms = int(flags.sum()) - len(places)
    harness.require(report.options.quick or alarms < 2 * ALPHA * n, f"{alarms} false alarms of {ALPHA * n:.0f} due")

    later = x[WARMUP:]
    values = later.tolist()

    def loop(step: Callable[[float], object], some: Iterable[float]) -> None:
        for value in some:
            step(value)

    cases = {
        "Spot.update, an array": harness.Case(lambda spot: spot.update(later), setup=lambda: _ours(x)),
        "libspot, a loop": harness.Case(lambda spot: loop(spot.step, values), setup=lambda: _peer(x)),
    }
    report.add(
        f"{n:,} values in one array",
        harness.interleave(cases, repeats=report.options.repeats),
        ours="Spot.update, an array",
        peer="libspot, a loop",
        target="<= 0.05",
        n=n,
    )
    some = values[: n // 5]
    cases = {
        "Spot.update, one value": harness.Case(lambda spot: loop(spot.update, some), setup=lambda: _ours(x)),
        "libspot, one value": harness.Case(lambda spot: loop(spot.step, some), setup=lambda: _peer(x)),
    }
    report.add(
        f"{len(some):,} values, one a call",
        harness.interleave(cases, repeats=report.options.repeats),
        ours="Spot.update, one value",
        peer="libspot, one value",
        target="<= 3",
        n=len(some),
    )


LAWS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "exponential": lambda rng, n: rng.standard_exponential(n),
    "t(3)": lambda rng, n: rng.standard_t(3, n),
}


def _alarms(n: int, law: str, spots: Callable[[], Spot], seeds: int, first: int = 0) -> list[float]:
    """False alarms over those due, one for each seed; only among the ``first`` values after the warm-up, if given."""
    found = []
    for seed in range(seeds):
        x = LAWS[law](np.random.default_rng(seed), n)
        spot = spots()
        flags = spot.update(x).flags[spot.warmup :]
        flags = flags[:first] if first else flags
        found.append(float(flags.sum()) / (spot.alpha * len(flags)))
    return found


def _cell(values: list[float]) -> str:
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def tables(n: int, seeds: int) -> None:
    def show(title: str, name: str, settings: dict[str, dict[str, Any]], first: int = 0) -> None:
        rows = [(name, *LAWS)]
        for label, kw in settings.items():
            cells = [_cell(_alarms(n, law, lambda kw=kw: Spot(**kw), seeds, first)) for law in LAWS]
            rows.append((label, *cells))
        print(f"\n{title}: false alarms over those due, mean (range) of {seeds} seeds of {n:,} values")
        print(harness.table(rows))

    base = {"alpha": 1e-4, "warmup": n // 100}
    show("alpha", "alpha", {f"{a:g}": base | {"alpha": a} for a in (1e-2 / 2, 1e-3, 1e-4, 1e-5)})
    show("quantile", "quantile", {f"{q:g}": base | {"quantile": q} for q in (0.9, 0.95, 0.98, 0.995)})
    warmups = {f"{w:,}": base | {"warmup": w} for w in (n // 1000, n // 300, n // 100, n // 20)}
    show("warm-up, the first tenth of the stream after it", "warm-up", warmups, first=n // 10)
    show("warm-up, the whole stream", "warm-up", warmups)
    show("max_excesses", "max_excesses", {str(m): base | {"max_excesses": m} for m in (50, 200, 500, None)})
    windows = (n // 50, n // 10, None)
    show("window", "window", {f"{w:,}" if w else "None": base | {"window": w} for w in windows})

    rng = np.random.default_rng(0)
    x = rng.standard_normal(n)
    calmer = np.where(np.arange(n) < n // 2, 3.0, 1.0) * x
    rows = [("scale 3 then 1: threshold at the end (right: 3.72)", "threshold", "flags, second half")]
    window = {"window": n // 50}
    for label, kw in (("-", {}), ("follow", {"follow": True}), ("window", window), ("both", window | {"follow": True})):
        spot = Spot(**base, **kw)
        flags = spot.update(calmer).flags
        rows.append((label, f"{spot.threshold:.2f}", str(int(flags[n // 2 :].sum()))))
    print()
    print(harness.table(rows))

    rising = x + np.linspace(0.0, 30.0, n)
    places = np.arange(n // 5, n, 1000)
    rising[places] += 8.0
    rows = [("a rise by 30, outliers of 8", "outliers found", "false alarms")]
    spots = {"Spot": Spot(**base), "Spot, window": Spot(**base, **window)}
    spots |= {f"DriftSpot, depth {depth}": DriftSpot(**base, depth=depth) for depth in (10, 100, 1000)}
    for label, spot in spots.items():
        flags = spot.update(rising).flags
        found = int(flags[places].sum())
        rows.append((label, f"{found} of {len(places)}", str(int(flags.sum()) - found)))
    print()
    print(harness.table(rows))


def main() -> int:
    parser = harness.parser("Thresholds of a stream beside libspot")
    parser.add_argument("--no-tables", action="store_true", help="leave out the tables of settings")
    options = parser.parse_args()
    with harness.threads(options.threads):
        try:
            import libspot  # noqa: F401
        except ImportError:
            print("libspot is not installed")
        else:
            report = harness.Report("spot", options)
            speed(report, 20_000 if options.quick else 1_000_000)
            report.finish()
        if not options.no_tables:
            tables(100_000 if options.quick else 1_000_000, 2 if options.quick else 8)
    return 0


if __name__ == "__main__":
    sys.exit(main())
