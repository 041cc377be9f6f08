"""The state of a project as bytes: what other processes learn is merged and forgotten."""

from __future__ import annotations

import itertools
import multiprocessing

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symjobs as sj


def frame(rows, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.integers(-1000, 1000, rows) / 64.0
    x[rng.random(rows) < 0.2] = np.nan
    return pd.DataFrame({"x": x, "n": rng.integers(0, 9, rows), "t": rng.choice(["a", "b", None], rows), "s": "text"})


TYPES = {"t": "T", "s": "S"}


def learnt(rows, **options):
    return sj.Project("p", **options).learn(rows, types=TYPES)


def _learn_elsewhere(rows):
    return sj.Project("part").learn_part(rows, types=TYPES).state()


@given(cuts=st.lists(st.integers(0, 60), min_size=1, max_size=5), exact=st.booleans())
def test_parts_of_a_table_in_any_number(cuts, exact):
    rows = frame(60)
    params = {"exact": exact}
    bounds = [0, *sorted(cuts), 60]
    parts = [rows.iloc[a:b] for a, b in itertools.pairwise(bounds)]
    states = [sj.Project("part", params=params).learn_part(part, types=TYPES).state() for part in parts]
    whole, expected = sj.Project("p", params=params), learnt(rows, params=params)
    whole.merge(*states)
    a, b = whole.snapshot(), expected.snapshot()
    index = [a.index(name) for name in b.names]
    np.testing.assert_array_equal(a.moments.count[index], b.moments.count)
    # The sums of so few small fractions are exact; the quotients are the same up to the last digit.
    found = a.moments.covariance()[np.ix_(index, index)]
    np.testing.assert_allclose(found, b.moments.covariance(), rtol=1e-13, atol=1e-13, equal_nan=True)
    for state in states:
        whole.forget(state)
    assert whole.n_rows == 0
    assert not whole.snapshot().moments.count.any()


def test_other_processes():
    parts = [frame(50, seed) for seed in range(3)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        states = pool.map(_learn_elsewhere, parts)
    whole = sj.Project("p").merge(*states)
    expected = learnt(pd.concat(parts))
    assert whole.n_rows == expected.n_rows == 150
    index = [whole.snapshot().index(name) for name in expected.snapshot().names]
    np.testing.assert_array_equal(whole.snapshot().moments.count[index], expected.snapshot().moments.count)


def test_a_state_is_the_project_without_its_models():
    project = learnt(frame(50), histogram=True)
    project.build("m", "oospca")
    again = sj.Project.from_state(project.state())
    assert again.snapshot().hash == project.snapshot().hash
    assert again.snapshot().quantile("n", 0.5) == project.snapshot().quantile("n", 0.5)
    assert again.models == ()


def test_all_or_nothing():
    project = learnt(frame(50))
    before = project.snapshot().hash
    other = sj.Project("o").learn(pd.DataFrame({"x": pd.Categorical(["a"])}))
    with pytest.raises(sj.InputError, match=r"column 'x' is C .* and T"):
        project.merge(learnt(frame(10)).state(), other.state())
    with pytest.raises(sj.UnknownAttribute, match="cannot forget the column 'new'"):
        project.forget(sj.Project("o").learn(pd.DataFrame({"new": [1.0]})))
    with pytest.raises(sj.UnknownAttribute, match="cannot forget the value 'z' of column 't'"):
        project.forget(sj.Project("o").learn(pd.DataFrame({"t": pd.Categorical(["z"])})))
    with pytest.raises(sj.InputError, match="more than was learnt"):
        project.forget(learnt(frame(500)))
    with pytest.raises(sj.InputError, match="are about rows"):
        project.forget(project, types={"x": "C"})
    state = project.state()
    for damaged, words in (
        (b"", "is none that Project.state gave"),
        (state[:-1], "is none that Project.state gave"),
        (state[:-9] + bytes([state[-9] ^ 1]) + state[-8:], "does not match its checksum"),
        (b"0" * 100, "is none that Project.state gave"),
    ):
        with pytest.raises(sj.ProjectError, match=words):
            project.merge(damaged)
    assert project.snapshot().hash == before


def test_clusters_do_not_forget_a_state():
    params = {"cluster_features": "x:n", "cluster_num_centroids": 4, "cluster_warmup_period": 5}
    project = sj.Project("p", params=params).learn(frame(50), types=TYPES)
    with pytest.raises(sj.InputError, match="keeps clusters"):
        project.forget(project.state())
