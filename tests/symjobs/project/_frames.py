"""Random mixed frames, and what pandas makes of them."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

TYPES = {"color": "T", "tags": "L"}


def make(seed, n, missing=0.2):
    """A frame with two continuous, one binary, one category, one list and one text column."""
    rng = np.random.default_rng(seed)
    tags = ["|", "|a", "|b", "|a|b", "|c|a"]
    frame = pd.DataFrame(
        {
            "x": rng.normal(5, 2, n),
            "y": rng.exponential(3, n).round(1),
            "flag": rng.integers(0, 2, n).astype(float),
            "color": rng.choice(["red", " Red", "GREEN", "blue"], n).astype(object),
            "tags": rng.choice(tags, n).astype(object),
            "note": rng.choice(["p", "q"], n).astype(object),
        }
    )
    for name in frame:
        gone = rng.random(n) < missing
        frame.loc[gone, name] = np.nan if name in ("x", "y", "flag") else None
    return frame


def encoded(frame, names):
    """The frame as numbers, its categories and lists one-hot, in the order of ``names``; NaN where missing."""
    columns = {}
    for name in names:
        column, _, member = name.partition("$")
        if not member:
            columns[name] = frame[name].astype(float) if column in frame else np.nan
        elif column not in frame:
            columns[name] = np.nan
        elif column == "tags":
            columns[name] = frame[column].map(
                lambda v, m=member: v if v is None or v != v else float(m in v.split("|"))
            )
        else:
            columns[name] = frame[column].map(
                lambda v, m=member: v if v is None or v != v else float(v.strip().lower() == m)
            )
    return pd.DataFrame(columns, index=frame.index, columns=list(names)).astype(float)


def agrees(snapshot, frame, tolerance=1e-9):
    """Assert that a snapshot has the counts, means and covariances that pandas finds in the frame."""
    reference = encoded(frame, snapshot.names)
    m = snapshot.moments
    assert m.n_rows == len(frame)
    np.testing.assert_array_equal(m.count, reference.count())
    np.testing.assert_allclose(m.mean(), reference.mean(), rtol=tolerance, atol=tolerance)
    if len(frame) > 1:  # pandas' ddof=0 is not what it says where values are missing
        np.testing.assert_allclose(m.covariance(ddof=1), reference.cov(ddof=1), rtol=tolerance, atol=10 * tolerance)
    pairs = reference.notna().to_numpy().astype(float)
    np.testing.assert_allclose(m.pair_counts(), pairs.T @ pairs)


def same_answers(a, b, tolerance=1e-9):
    """Assert that two snapshots answer alike, whatever the order of their attributes."""
    assert set(a.names) == set(b.names)
    assert a.n_rows == b.n_rows
    order = [b.index(name) for name in a.names]
    np.testing.assert_allclose(a.moments.count, b.moments.count[order], atol=1e-9)
    np.testing.assert_allclose(a.moments.mean(), b.moments.mean()[order], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        a.moments.covariance(), b.moments.covariance(indices=order), rtol=tolerance, atol=10 * tolerance
    )
    np.testing.assert_allclose(a.moments.pair_counts(), b.moments.pair_counts(indices=order), atol=1e-9)
    assert dict(zip(a.names, a.types, strict=True)) == dict(zip(b.names, b.types, strict=True))


frames = st.builds(make, st.integers(0, 10_000), st.integers(1, 40), st.sampled_from([0.0, 0.2, 0.6]))
