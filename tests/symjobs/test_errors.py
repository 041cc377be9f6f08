"""Exceptions pass through pickle, copies and process pools as they are."""

import copy
import inspect
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest

import symjobs as sj
import symkernels as sk
from symjobs import _errors

MADE = {
    sj.NoSuchModel: lambda: sj.NoSuchModel("m"),
    sj.MissingDependency: lambda: sj.MissingDependency("pyarrow", "files", "reading Parquet"),
    sk.DataError: lambda: sk.DataError("row 3 is infinite", indices=[3]),
}
TYPES = [
    kind
    for kind in [*vars(_errors).values(), *(getattr(sk, name) for name in sk.__all__)]
    if inspect.isclass(kind) and issubclass(kind, BaseException)
]
EACH = pytest.mark.parametrize("kind", TYPES, ids=lambda kind: f"{kind.__module__.partition('.')[0]}.{kind.__name__}")


def make(kind):
    return MADE.get(kind, lambda: kind("row 3: 'x' is no number"))()


def same(a, b):
    return type(a) is type(b) and str(a) == str(b) and a.__dict__ == b.__dict__


@EACH
def test_a_copy_says_the_same(kind):
    error = make(kind)
    error.add_note("while learning")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert same(pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(error, protocol)))), error)
    assert same(copy.copy(error), error)
    assert same(copy.deepcopy(error), error)


def fail(kind):
    raise make(kind)


def test_a_process_pool_hands_them_on():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for kind in (kind for kind in TYPES if issubclass(kind, Exception)):
            assert same(pool.submit(fail, kind).exception(timeout=60), make(kind))
