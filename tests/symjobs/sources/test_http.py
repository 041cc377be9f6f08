"""Files from a real web server, and one that hangs, cuts the connection, redirects, and asks for a password."""

from __future__ import annotations

import gzip
import socket

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import symjobs as sj
from symjobs import sources
from symjobs._errors import InputError
from symjobs.sources import Access
from tests.symjobs.sources._web import serving

HERE = Access(hosts=("127.0.0.1",), timeout=0.5)


@pytest.fixture
def web(tmp_path):
    X = np.random.default_rng(0).normal(size=(50_000, 2))
    text = ("a,b\n" + "\n".join(",".join(map(repr, row)) for row in X.tolist()) + "\n").encode()
    (tmp_path / "d.csv").write_bytes(text)
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(text)[:-100_000])
    pq.write_table(pa.table({"a": X[:, 0], "b": X[:, 1]}), tmp_path / "d.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "d.parquet").read_bytes()[:-1000])
    (tmp_path / "empty.csv").write_bytes(b"")
    with serving(tmp_path) as server:
        yield server


def _dsinfo(web, path):
    return {"type": "http", "name": "d", "info": {"path": f"{web.url}/{path}"}}


@pytest.mark.parametrize("name", ["d.csv", "d.csv.gz", "d.parquet", "moved.csv", "d.csv?token=1&b=2"])
def test_a_file_is_read_as_from_a_disk(web, name):
    right = sj.Project("p").learn(sources.csv(web.folder / "d.csv")).snapshot().moments
    source = sources.open(_dsinfo(web, name), access=HERE, memory_budget="4MiB")
    told = []
    moments = sj.Project("p").learn(source.tables(lambda *now: told.append(now))).snapshot().moments
    assert moments.n_rows == 50_000
    np.testing.assert_allclose(moments.covariance(), right.covariance(), rtol=1e-12)  # rows in other batches
    assert told[-1] == (source.total_bytes, source.total_bytes)
    assert source.total_bytes in {(web.folder / n).stat().st_size for n in ("d.csv", "d.csv.gz", "d.parquet")}
    if "?" in name:
        assert web.requests[-1][1] == "token=1&b=2"
        assert "token" not in source.name


def test_functions_for_python_take_addresses_too(web):
    assert sj.Project("p").learn(sources.csv(f"{web.url}/d.csv")).n_rows == 50_000
    assert sj.Project("p").learn(sources.parquet(f"{web.url}/d.parquet")).n_rows == 50_000
    assert sj.Project("p").learn(sources.open(f"{web.url}/d.csv.gz")).n_rows == 50_000


def test_a_length_that_nobody_knows(web):
    source = sources.open(_dsinfo(web, "endless.csv"), access=HERE)
    told = []
    project = sj.Project("p").learn(source.tables(lambda *now: told.append(now)))
    assert project.n_rows == 4
    assert source.total_bytes == 0
    assert told[-1] == (10, 10)
    assert all(current <= maximum for current, maximum in told)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.csv", r"/none\.csv: the server answers 404 Not Found"),
        ("hangs.csv", r"/hangs\.csv cannot be read: no answer in time"),
        ("hangs-later.csv", "cannot be read: no answer in time"),
        ("cut.csv", "the connection ended after 1000002 of 10000000 bytes; try again"),
        ("cut-chunk.csv", "cannot be read: IncompleteRead"),
        ("cut.csv.gz", "the gzip data is damaged or ends too early"),
        ("cut.parquet", "is not a Parquet file that can be read"),
        ("changes.csv", "changed between its first rows and the whole; read it again"),
        ("secret.csv", "the server answers 401 Unauthorized; check the name and the password"),
        ("empty.csv", "holds no rows"),
    ],
)
def test_what_goes_wrong_is_one_line_and_nothing_is_learnt(web, name, words):
    project = sj.Project("p").learn(([[1.0, 2.0, 3.0]], ["a", "b", "x"]))
    before = project.snapshot().hash
    with pytest.raises(InputError, match=words) as caught:
        project.learn(sources.open(_dsinfo(web, name), access=HERE, memory_budget="1MiB").tables())
    assert "\n" not in str(caught.value)
    assert project.snapshot().hash == before


def test_how_long_to_wait_is_a_setting(web):
    for read in (sources.csv, sources.parquet, sources.arrow, sources.open):
        with pytest.raises(InputError, match="no answer in time"):
            read(f"{web.url}/hangs.csv", timeout=0.2)
        for timeout in (0, -1, "soon", float("inf"), True):
            with pytest.raises(InputError, match=r"timeout is .*; it must be a positive number of seconds"):
                read(f"{web.url}/d.csv", timeout=timeout)


def test_a_name_and_a_password_are_sent_and_not_shown(web):
    url = web.url.replace("://", "://u:p%C3%A4:ss@")
    source = sources.open(f"{url}/secret.csv")
    assert sj.Project("p").learn(source).n_rows == 2
    assert "ss" not in source.name
    with pytest.raises(InputError) as caught:
        sources.open(f"{web.url.replace('://', '://u:wrong-word@')}/secret.csv")
    assert "wrong-word" not in str(caught.value)


def test_hosts_that_a_server_does_not_connect_to(web):
    with pytest.raises(InputError, match=r"does not connect to the host '127\.0\.0\.1'; its operator allows"):
        sources.open(_dsinfo(web, "d.csv"), access=Access(hosts=("*.example.org",)))
    assert not web.requests
    with pytest.raises(InputError, match="does not connect to the host 'localhost'"):
        sources.open(_dsinfo(web, f"away.csv?{web.url.replace('127.0.0.1', 'localhost')}/d.csv"), access=HERE)
    assert [path for path, *_ in web.requests] == ["/away.csv"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirection_to_something_else(web, target):
    with pytest.raises(InputError):
        sources.open(_dsinfo(web, f"away.csv?{target}"), access=HERE)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/d.csv", "cannot be read: .*[Rr]efused"),
        ("http://no-such-host.invalid/d.csv", "cannot be read: "),
        ("http:///d.csv", "names no host"),
        ("http://h:port/d.csv", "is no address"),
        ("ftp://h/d.csv", "has the scheme 'ftp'; files, http://, https:// and s3:// can be read"),
        ("http://h/a b\n.csv", "is no address|cannot be read"),
    ],
)
def test_addresses_that_lead_nowhere(url, words):
    with pytest.raises(InputError, match=words):
        sources.open(url)


def test_a_server_that_takes_no_connection():
    with socket.socket() as taken:  # a full queue of connections: nobody answers
        taken.bind(("127.0.0.1", 0))
        taken.listen(0)
        port = taken.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            url = f"http://127.0.0.1:{port}/d.csv"
            with pytest.raises(InputError, match=r"no answer in time|refused"):
                sources.open({"type": "http", "name": "d", "info": {"path": url}}, access=HERE)
