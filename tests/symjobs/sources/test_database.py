"""Tables and queries of SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from urllib.parse import urlsplit

import numpy as np
import pytest

import symjobs as sj
from symjobs import sources
from symjobs._errors import InputError
from symjobs.sources import Access


@pytest.fixture
def sqlite(tmp_path):
    path = tmp_path / "d.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE people (height REAL, age INTEGER, town TEXT, note)")
        connection.executemany(
            "INSERT INTO people VALUES (?, ?, ?, ?)",
            [(1.5 + i / 1000, i % 90, "ab"[i % 2], None) for i in range(5000)] + [(None, 7, "c", None)],
        )
        connection.execute('CREATE TABLE "odd ""name" (x)')
        connection.executemany('INSERT INTO "odd ""name" VALUES (?)', [(1,), (2.5,), ("three",), (b"4",)])
        connection.execute("CREATE TABLE no_rows (x)")
    connection.close()
    return path


def _dsinfo(path, **info):
    return {"type": "jdbc", "name": "d", "info": {"driver": "sqlite", "database": str(path), **info}}


def test_a_table(sqlite):
    source = sources.open(_dsinfo(sqlite, table="people"), types={"town": "T"}, memory_budget="1MiB")
    told = []
    snapshot = sj.Project("p").learn(source.tables(lambda *now: told.append(now))).snapshot()
    assert snapshot.n_rows == 5001
    assert set(snapshot.names) == {"height", "age", "town$a", "town$b", "town$c"}
    assert snapshot.moments.count[snapshot.index("height")] == 5000
    np.testing.assert_allclose(snapshot.moments.mean()[snapshot.index("height")], 1.5 + 4.999 / 2, rtol=1e-12)
    assert source.attribute_types == ("C", "C", "T", "S")
    current = [now for now, _ in told]
    assert current == sorted(current)
    assert len(set(current)) > 2
    assert told[-1][0] == told[-1][1] > 0


def test_a_query(sqlite):
    info = _dsinfo(
        sqlite, driver="org.sqlite.JDBC", query="SELECT age, 'a:b' AS t, height*2 AS h FROM people WHERE age = 7"
    )
    snapshot = sj.Project("p").learn(sources.open(info).tables()).snapshot()
    assert snapshot.names == ("age", "h")
    assert snapshot.moments.mean()[0] == 7


def test_a_value_of_another_kind(sqlite):
    info = _dsinfo(sqlite, table='odd "name')
    with pytest.raises(InputError, match=r"row 3, column 'x': 'three' is of another kind"):
        list(sources.open(info))
    source = sources.open(_dsinfo(sqlite, table='odd "name', errorHandling="missing"))
    assert sj.Project("p").learn(source).snapshot().moments.mean().tolist() == [1.75]
    assert source.bad_values["x"].count == 2


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"table": "none"}, "none of .*: no such table: none"),
        ({"query": "SELEC 1"}, 'the query of .*: near "SELEC": syntax error'),
        ({"query": "DELETE FROM people"}, "not authorized"),
        ({"query": "ATTACH DATABASE '/etc/passwd' AS other"}, "not authorized"),
        ({"table": "no_rows"}, "holds no rows"),
        ({"table": "people", "query": "SELECT 1"}, "needs info.table or info.query, one of the two"),
        ({"table": "people", "driver": "oracle"}, "the driver 'oracle' is unknown; known are org.postgresql.driver"),
        ({"table": "people", "database": "/none.db"}, "no such file: /none.db"),
    ],
)
def test_what_goes_wrong_is_one_line(sqlite, info, words):
    with pytest.raises(InputError, match=words) as caught:
        list(sources.open(_dsinfo(sqlite, **info)))
    assert "\n" not in str(caught.value)
    with sqlite3.connect(sqlite) as connection:
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (5001,)
    connection.close()


def test_a_server_opens_databases_below_its_folders_only(sqlite, tmp_path):
    access = Access(roots=(tmp_path,))
    assert sj.Project("p").learn(sources.open(_dsinfo("d.db", table="people"), access=access).tables()).n_rows == 5001
    for path in ("../d.db", "/etc/passwd", "none.db"):
        with pytest.raises(InputError, match=r"outside of the folders|no such file"):
            sources.open(_dsinfo(path, table="people"), access=access)


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


@pytest.fixture
def postgres(postgresql_url):
    import psycopg

    address = postgresql_url.replace("+psycopg", "")
    parts = urlsplit(address)
    info = {
        "driver": "org.postgresql.Driver",
        "host": parts.hostname or "127.0.0.1",
        "port": str(parts.port or 5432),
        "database": parts.path.lstrip("/"),
        "user": parts.username or "",
        "password": parts.password or "",
    }
    with psycopg.connect(address) as connection:
        connection.execute("DROP TABLE IF EXISTS source_people")
        connection.execute(
            "CREATE TABLE source_people (height double precision, price numeric(10,2), ok boolean, born date, "
            "seen timestamptz, town text)"
        )
        connection.execute(
            "INSERT INTO source_people SELECT i / 100.0, i * 0.25, i % 2 = 0, date '2000-01-01' + i, "
            "timestamptz '2024-01-01 00:00:00+00' + i * interval '1 second', chr(97 + i % 3) "
            "FROM generate_series(0, 9999) i"
        )
    yield {"type": "jdbc", "name": "d", "info": {**info, "table": "source_people"}}
    with psycopg.connect(address) as connection:
        connection.execute("DROP TABLE source_people")


@pytest.mark.postgresql
def test_a_table_of_postgresql(postgres):
    postgres["info"]["dates"] = "seen"
    access = Access(hosts=(postgres["info"]["host"],), timeout=5)
    source = sources.open(postgres, types={"town": "T"}, access=access, memory_budget="1MiB")
    snapshot = sj.Project("p").learn(source.tables()).snapshot()
    means = dict(zip(snapshot.names, snapshot.moments.mean().tolist(), strict=True))
    assert snapshot.n_rows == 10_000
    assert means["height"] == pytest.approx(49.995, rel=1e-12)
    assert means["price"] == pytest.approx(1249.875, rel=1e-12)
    assert means["ok"] == 0.5
    assert means["seen"] == pytest.approx(1704067200 + 4999.5, rel=1e-12)
    assert means["town$a"] == pytest.approx(0.3334)
    assert source.texts == ("born",)
    assert "dates=['born']" in source.hints[0]


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"table": "no_such_table"}, 'relation "no_such_table" does not exist'),
        ({"password": "not-the-password", "user": "nobody"}, "failed|does not exist"),
        ({"port": "1"}, "refused|failed"),
        ({"database": "none"}, 'database "none" does not exist|failed'),
        ({"query": "DELETE FROM source_people", "table": ""}, "syntax error|read-only|does not return rows"),
        ({"query": "SELECT 1; DELETE FROM source_people", "table": ""}, "multiple commands|syntax error"),
        ({"host": "elsewhere.test"}, "does not connect to the host 'elsewhere.test'"),
        ({"host": "/var/run/postgresql"}, "does not connect|one name or address"),
        ({"host": ""}, "does not connect|one name or address"),
    ],
)
def test_what_goes_wrong_with_postgresql(postgres, postgresql_url, change, words):
    import psycopg

    address = postgresql_url.replace("+psycopg", "")

    access = Access(hosts=(postgres["info"]["host"],), timeout=2)
    postgres["info"] |= change
    with pytest.raises(InputError, match=words) as caught:
        list(sources.open(postgres, access=access))
    assert "not-the-password" not in str(caught.value)
    assert "\n" not in str(caught.value)
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT count(*) FROM source_people").fetchone() == (10_000,)
