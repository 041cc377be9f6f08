"""The rows of bench_gpu.py. Each takes a `Card`, makes its data there, checks an answer, times it, and reports.

A card is CuPy, or NumPy in the tests, with sizes that fit what memory is free.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import _harness as harness
import numpy as np

from symkernels import Moments, kmeans, silhouette_score
from symkernels import pca as principal

ITERATIONS = 10
_SHARE = 0.4  # of the free memory that a row's data may take: a peer may copy them
_PIECE = 2**26  # values that are drawn at a time


@dataclass
class Card:
    """Where the rows run.

    Attributes
    ----------
    xp : module
        CuPy, or NumPy in the tests.
    torch : module or None
        PyTorch, where it sees the same card.
    report : harness.Report
    cut : int
        What the number of rows is divided by.
    budget : float
        Seconds of timed rounds for a row.
    """

    xp: Any
    torch: Any
    report: harness.Report
    cut: int = 1
    budget: float = 6.0

    @property
    def options(self) -> argparse.Namespace:
        return self.report.options

    @property
    def on_gpu(self) -> bool:
        return self.xp is not np

    def free_bytes(self) -> int:
        """Return how much memory is free, that of emptied pools included."""
        if not self.on_gpu:
            return 2**30
        self.xp.get_default_memory_pool().free_all_blocks()
        if self.torch is not None:
            self.torch.cuda.empty_cache()
        return int(self.xp.cuda.runtime.memGetInfo()[0])

    def size(self, n: int, bytes_per_row: int, least: int = 64) -> int:
        """Return n, cut to what is asked for and to the free memory."""
        return max(least, min(n // self.cut, int(self.free_bytes() * _SHARE) // bytes_per_row))

    def normal(self, n: int, p: int, dtype: str) -> Any:
        """Return (n, p) normal values."""
        xp, rng = self.xp, self.xp.random.default_rng(self.options.seed)
        X = xp.empty((n, p), dtype=dtype)
        step = max(1, _PIECE // p)
        for start in range(0, n, step):
            part = X[start : start + step]
            part[...] = rng.standard_normal(part.shape, dtype=X.dtype.type)
        return X

    def host(self, x: Any) -> np.ndarray:
        return x.get() if self.on_gpu else np.array(x)

    def tensor(self, x: Any) -> Any:
        """Return the same memory as a PyTorch tensor."""
        return self.torch.from_dlpack(x)

    def synchronize(self) -> None:
        if self.on_gpu:
            self.xp.cuda.Device().synchronize()

    def time(
        self,
        title: str,
        cases: Mapping[str, Callable[[], object] | harness.Case],
        *,
        peer: str | None = None,
        rates: Mapping[str, tuple[float, str]] | None = None,
        **facts: Any,
    ) -> dict[str, harness.Timing]:
        """Time cases in turn and write their line; ``rates`` names the work of a case and its unit (TF, GB)."""
        timings = harness.interleave(
            cases,
            repeats=self.options.repeats,
            once_over=4.0,
            synchronize=self.synchronize,
            settle=0.05,
            budget=self.budget,
        )
        notes = {}
        for name, (work, unit) in (rates or {}).items():
            median = timings[name].median
            if median:
                notes[name] = f"{work / median:,.4g} {unit}/s"
        first = next(iter(cases))
        self.report.add(title, timings, ours=first, peer=peer if peer in cases else None, notes=notes, **facts)
        self.report.finish()
        return timings


def gram_of(card: Card) -> Callable[[Any], Any]:
    """Return what the learning calls for Z.T @ Z."""
    if not card.on_gpu:
        return lambda Z: Z.T @ Z
    from symkernels._moments._cuda import _gram

    return _gram


# --- floors ----------------------------------------------------------------------------------------------------------


def floors(card: Card) -> None:
    """Rates of cuBLAS: what the rows below are measured by."""
    xp, size = card.xp, max(64, 8192 // card.cut)
    A, B = card.normal(size, size, "float64"), card.normal(size, size, "float64")
    gram, double = gram_of(card), 2.0 * size**3 / 1e12
    cases: dict[str, Any] = {"DSYRK": lambda: gram(A), "DGEMM": lambda: xp.matmul(A, B)}
    rates = {"DSYRK": (size * size * (size + 1) / 1e12, "TF"), "DGEMM": (double, "TF")}
    A32, B32 = A.astype("float32"), B.astype("float32")
    cases["SGEMM"], rates["SGEMM"] = (lambda: xp.matmul(A32, B32)), (double, "TF")
    card.time(f"products of {size:,} x {size:,}", cases, rates=rates, size=size)


def transfers(card: Card) -> None:
    """Copies on the card, and from the host: pageable and page-locked memory."""
    xp, n = card.xp, card.size(2**27, 24)
    A, B = xp.ones(n), xp.empty(n)
    host = np.ones(n)
    cases: dict[str, Any] = {"copy on the card": lambda: xp.copyto(B, A), "from the host": lambda: xp.asarray(host)}
    rates = {"copy on the card": (16e-9 * n, "GB"), "from the host": (8e-9 * n, "GB")}
    if card.on_gpu:
        import cupyx

        pinned = cupyx.empty_pinned(n)
        pinned[...] = 1.0
        cases["from page-locked memory"] = lambda: B.set(pinned)
        rates["from page-locked memory"] = (8e-9 * n, "GB")
    card.time(f"transfers of {8 * n / 2**20:,.0f} MiB", cases, rates=rates, bytes=8 * n)


def grams(card: Card) -> None:
    """syrk beside gemm and batched gemm for few and many columns."""
    xp, gram = card.xp, gram_of(card)
    for p in (10, 50, 100, 300, 1000):
        n = card.size(2**25 // p, 8 * p)
        n -= n % 64
        Z = card.normal(n, p, "float64")
        parts = Z.reshape(64, n // 64, p)
        found, expected = card.host(xp.triu(gram(Z))), card.host(xp.triu(Z.T @ Z))
        harness.require(np.abs(found - expected).max() <= 1e-10 * n, f"the triangle of {n} x {p}")
        cases = {
            "syrk": lambda Z=Z: gram(Z),
            "Z.T @ Z": lambda Z=Z: Z.T @ Z,
            "64 batches": lambda parts=parts: xp.matmul(parts.transpose(0, 2, 1), parts).sum(axis=0),
        }
        flops = n * p * (p + 1) / 1e12
        card.time(
            f"Gram matrix {n:,} x {p}", cases, rates=dict.fromkeys(cases, (flops, "TF")), peer="Z.T @ Z", n=n, p=p
        )


# --- learning --------------------------------------------------------------------------------------------------------


def learn_wide(card: Card) -> None:
    """Learn 2,000,000 x 1,000 float64 that are on the card."""
    _learn(card, 2_000_000, 1_000 if card.cut < 1_000 else 20)


def learn_narrow(card: Card) -> None:
    """Learn 50,000,000 x 32 float64 that are on the card."""
    _learn(card, 50_000_000, 32)


def learn_missing(card: Card) -> None:
    """Learn 1,000,000 x 200 float64 with 5 % missing, beside the same without."""
    p = 200 if card.cut < 1_000 else 10
    n = card.size(1_000_000, 24 * p)
    X = card.normal(n, p, "float64")
    gaps = X.copy()
    gaps[card.xp.abs(X) < 0.0627] = card.xp.nan  # 5 % of a normal distribution
    _check_covariance(card, gaps)
    cases = {"5 % missing": lambda: Moments(p).learn(gaps), "complete": lambda: Moments(p).learn(X)}
    rates = dict.fromkeys(cases, (8e-9 * n * p, "GB"))
    card.time(f"learn {n:,} x {p} with missing values", cases, rates=rates, peer="complete", n=n, p=p)


def learn_host(card: Card) -> None:
    """Learn 1,000,000 x 500 float32 from the memory of the host, through a project."""
    import symjobs as sj

    p = 500 if card.cut < 1_000 else 10
    n = card.size(1_000_000, 12 * p)
    X = card.host(card.normal(n, p, "float32"))
    names = [f"x{i}" for i in range(p)]
    kind = "gpu" if card.on_gpu else "cpu"
    cases = {
        "project": lambda: sj.Project("p", type=kind).learn((X, names)),
        "transfer alone": lambda: card.xp.asarray(X),
    }
    rates = dict.fromkeys(cases, (4e-9 * n * p, "GB"))
    card.time(f"learn {n:,} x {p} float32 from the host", cases, rates=rates, peer="transfer alone", n=n, p=p)


def learn_project(card: Card) -> None:
    """Learn 1,000,000 x 100 float64 that are on the card through a project, beside the moments alone."""
    import symjobs as sj

    p = 100 if card.cut < 1_000 else 10
    n = card.size(1_000_000, 24 * p)
    X, names = card.normal(n, p, "float64"), [f"x{i}" for i in range(p)]
    kind = "gpu" if card.on_gpu else "cpu"
    cases = {
        "project": lambda: sj.Project("p", type=kind).learn((X, names)),
        "moments": lambda: Moments(p).learn(X),
    }
    rates = dict.fromkeys(cases, (8e-9 * n * p, "GB"))
    card.time(f"learn {n:,} x {p} through a project", cases, rates=rates, peer="moments", n=n, p=p)


def _learn(card: Card, n: int, p: int) -> None:
    n = card.size(n, 8 * p)
    X = card.normal(n, p, "float64")
    _check_covariance(card, X)
    cases: dict[str, Any] = {"ours": lambda: Moments(p).learn(X), "X.T @ X, no centring": lambda: X.T @ X}
    flops = n * p * (p + 1) / 1e12
    rates = {"ours": (flops, "TF"), "X.T @ X, no centring": (flops, "TF")}
    if card.torch is not None:
        T = card.tensor(X)
        cases["torch.cov"], rates["torch.cov"] = (lambda: card.torch.cov(T.T)), (flops, "TF")
    title = f"learn {n:,} x {p} float64 on the card ({8e-9 * n * p:.1f} GB)"
    card.time(title, cases, rates=rates, peer="torch.cov", n=n, p=p)


def _check_covariance(card: Card, X: Any) -> None:
    few = X[:5_000]
    found = card.host(Moments(X.shape[1]).learn(few).covariance())
    rows = card.host(few)
    here = ~np.isnan(rows)
    values, present = np.where(here, rows, 0.0), here.astype(float)
    count = present.T @ present
    with np.errstate(invalid="ignore", divide="ignore"):  # of pairs without rows
        expected = values.T @ values / count - (values.T @ present) * (present.T @ values) / count**2
    harness.require(np.nanmax(np.abs(found - expected)) < 1e-9, "the covariance differs from NumPy's")


def pca(card: Card) -> None:
    """Principal components of a 1,000 x 1,000 covariance matrix."""
    p = max(20, 1_000 // card.cut)
    C = Moments(p).learn(card.normal(4 * p, p, "float64")).covariance()
    values = card.host(principal(C).values)
    expected = np.linalg.eigvalsh(card.host(C))[::-1]
    harness.require(np.abs(values - expected).max() < 1e-9 * expected[0], "eigenvalues differ from LAPACK's")
    cases: dict[str, Any] = {"ours": lambda: principal(C), "eigh": lambda: card.xp.linalg.eigh(C)}
    if card.torch is not None:
        T = card.tensor(C)
        cases["torch.linalg.eigh"] = lambda: card.torch.linalg.eigh(T)
    card.time(f"PCA of {p:,} attributes", cases, peer="eigh", p=p)


# --- clusters --------------------------------------------------------------------------------------------------------


def lloyd(card: Card) -> None:
    """Ten iterations of k-means on 8,388,608 x 128 float32, k = 1,024."""
    d, k = 128, 1_024 if card.cut < 1_000 else 16
    n = card.size(8_388_608, 8 * d, least=4 * k)
    X = card.normal(n, d, "float32")
    start = X[:k].astype("float64")  # the rows are in no order

    def ours() -> Any:
        return kmeans(X, k, init=start, max_iter=ITERATIONS, tol=0.0)

    result = ours()
    _check_clusters(card, X, result)
    # The labels of the last centers are one assignment more.
    flops = 2.0 * n * k * d * (result.n_iter + 1) / 1e12
    cases: dict[str, Any] = {"ours": ours}
    rates = {"ours": (flops, "TF")}
    if card.torch is not None:
        rows, centers = card.tensor(X), card.tensor(start).to(card.torch.float32)
        cases["PyTorch"] = lambda: _torch_lloyd(card.torch, rows, centers, result.n_iter)
        rates["PyTorch"] = (flops, "TF")
        flash = _flash_kmeans(card, rows, centers)
        if flash is not None:
            cases["flash-kmeans"], rates["flash-kmeans"] = flash, (flops, "TF")
    peer = "flash-kmeans" if "flash-kmeans" in cases else "PyTorch"
    title = f"Lloyd, {n:,} x {d}, k = {k:,}, {result.n_iter} iterations, float32"
    card.time(title, cases, rates=rates, peer=peer, n=n, d=d, k=k)


def _check_clusters(card: Card, X: Any, result: Any) -> None:
    """Every row of a sample is with its nearest center, to rounding; labels and WSSSE are of the same moment."""
    xp = card.xp
    sample = xp.arange(0, len(X), max(1, len(X) // 500))
    rows = X[sample].astype("float64")
    squares = xp.stack([((result.centers - row) ** 2).sum(axis=1) for row in rows])
    chosen = squares[xp.arange(len(sample)), result.labels[sample]]
    harness.require(
        bool((chosen <= squares.min(axis=1) * (1 + 1e-4)).all()), "a label is not that of the nearest center"
    )
    wssse = 0.0
    for part in range(0, len(X), 2**20):
        Z = X[part : part + 2**20].astype("float64") - result.centers[result.labels[part : part + 2**20]]
        wssse += float((Z * Z).sum())
    harness.require(abs(wssse / result.wssse - 1) < 1e-10, f"WSSSE {result.wssse}, recomputed {wssse}")


def _torch_lloyd(torch: Any, rows: Any, centers: Any, iterations: int) -> Any:
    """Plain Lloyd in float32: products by blocks, sums by index_add_."""
    n, k = len(rows), len(centers)
    step = max(1, 2**28 // k)
    labels = torch.empty(n, dtype=torch.int64, device=rows.device)
    for turn in range(iterations + 1):
        half = (centers * centers).sum(dim=1) / 2
        for start in range(0, n, step):
            part = rows[start : start + step]
            labels[start : start + step] = torch.addmm(half, part, centers.T, alpha=-1.0).argmin(dim=1)
        if turn < iterations:
            sums = torch.zeros_like(centers).index_add_(0, labels, rows)
            centers = sums / torch.bincount(labels, minlength=k).clamp(min=1)[:, None]
    return labels


def _flash_kmeans(card: Card, rows: Any, centers: Any) -> Any:
    """flash-kmeans on the same memory, or None where it is not installed."""
    try:
        from flash_kmeans import batch_kmeans_Euclid
    except ImportError:
        return None

    def run() -> object:
        # It moves the centers it is given in place in some versions.
        start = centers.clone()[None]
        return batch_kmeans_Euclid(
            rows[None], len(centers), max_iters=ITERATIONS, tol=0.0, init_centroids=start, verbose=False
        )

    return run


def silhouettes(card: Card) -> None:
    """Exact silhouette of 1,000,000 x 16 float32 in 8 clusters."""
    d, k = 16, 8
    n = card.size(1_000_000, 256 * d)
    X = card.normal(n, d, "float32")
    X[:, 0] += (card.xp.arange(n) % k * 4).astype("float32")
    labels = card.xp.arange(n) % k
    few = slice(0, 2_000)
    found, expected = silhouette_score(X[few], labels[few]), _by_definition(card.host(X[few]), card.host(labels[few]))
    harness.require(abs(found - expected) < 1e-5, f"the mean silhouette is {found}, by definition {expected}")
    cases: dict[str, Any] = {"ours": lambda: silhouette_score(X, labels)}
    pairs = n * (n - 1.0) / 1e12
    rates = {"ours": (pairs, "T pairs")}
    if card.torch is not None:
        rows, member = card.tensor(X), card.tensor(labels)
        cases["torch.cdist"] = lambda: _torch_silhouette(card.torch, rows, member, k)
        rates["torch.cdist"] = (pairs, "T pairs")
    card.time(f"exact silhouette, {n:,} x {d}, k = {k}, float32", cases, rates=rates, peer="torch.cdist", n=n, d=d, k=k)


def _by_definition(X: np.ndarray, labels: np.ndarray) -> float:
    """Rousseeuw's mean silhouette from the whole distance matrix, in float64; no cluster is of one row."""
    X = X.astype(np.float64)
    distances = np.sqrt(np.stack([((X - row) ** 2).sum(axis=1) for row in X]))
    member = np.eye(int(labels.max()) + 1)[labels]
    counts = member.sum(axis=0)
    sums, own = distances @ member, member > 0
    a = sums[own] / (counts[labels] - 1)
    b = np.where(own, np.inf, sums / counts).min(axis=1)
    return float(((b - a) / np.maximum(a, b)).mean())


def _torch_silhouette(torch: Any, X: Any, labels: Any, k: int) -> float:
    """Rousseeuw's mean silhouette from blocks of a distance matrix; no cluster is of one row."""
    n, step = len(X), max(1, 2**29 // len(X))
    member = torch.nn.functional.one_hot(labels, k).to(X.dtype)
    counts = member.sum(dim=0)
    total = torch.zeros((), dtype=torch.float64, device=X.device)
    for start in range(0, n, step):
        sums = torch.cdist(X[start : start + step], X) @ member
        own = labels[start : start + step, None]
        a = sums.gather(1, own)[:, 0] / (counts[own[:, 0]] - 1)
        b = (sums / counts).scatter(1, own, float("inf")).amin(dim=1)
        total += ((b - a) / torch.maximum(a, b)).sum(dtype=torch.float64)
    return float(total) / n


ROWS: dict[str, tuple[Callable[[Card], None], float]] = {  # and the most seconds for each, data and checks included
    "floors": (floors, 20),
    "transfers": (transfers, 20),
    "grams": (grams, 30),
    "learn_wide": (learn_wide, 30),
    "learn_narrow": (learn_narrow, 30),
    "learn_project": (learn_project, 20),
    "learn_missing": (learn_missing, 25),
    "learn_host": (learn_host, 30),
    "lloyd": (lloyd, 40),
    "silhouettes": (silhouettes, 40),
    "pca": (pca, 20),
}


def host_threads() -> int:
    """Return how many threads the libraries of the host may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
