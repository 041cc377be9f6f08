"""SparkDSUpdateJob on real sessions, classic and Spark Connect: the project that one machine would learn."""

from __future__ import annotations

import socket
import time

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import symjobs as sj
from symjobs._spark import SparkFrame
from symjobs._spark import _learn as learn_module

N = 4_000
TYPES = {"town": "T", "tags": "L"}


def table(rows=N, seed=3):
    """Numbers with gaps, flags, a category, a list and text; 2**-10 is the last place of all numbers."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(1e3, 2.0, rows) * 1024).round() / 1024
    y = (0.5 * x + rng.normal(size=rows)).round(3)
    y[rng.random(rows) < 0.1] = np.nan
    town = rng.choice(["Bern", "Chur", "Genf"], rows).tolist()
    town[::11] = [None] * len(town[::11])
    return pa.table(
        {
            "x": x,
            "y": pa.array(y, from_pandas=True),
            "n": rng.integers(0, 50, rows),
            "flag": rng.random(rows) < 0.3,
            "town": town,
            "note": [f"text {i}" for i in range(rows)],
        }
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of Parquet files, one of CSV files, and a file of each."""
    folder = tmp_path_factory.mktemp("files")
    whole = table()
    (folder / "parquet").mkdir()
    (folder / "csv").mkdir()
    for i in range(5):
        part = whole.slice(i * 800, 800)
        parquet.write_table(part, folder / "parquet" / f"{i}.parquet")
        part.to_pandas().to_csv(folder / "csv" / f"{i}.csv", index=False)
    parquet.write_table(whole, folder / "one.parquet")
    return folder


@pytest.fixture
def manager():
    with sj.JobManager(workers=2, store=None) as manager:
        yield manager


def run(manager, *arguments, **options):
    handle = manager.submit(sj.SparkDSUpdateJob(*arguments, **options))
    return handle.result(timeout=240), handle.info()


def assert_same(project, expected, tolerance=1e-12):
    """Compare by name: the order of categories depends on that of the partitions."""
    a, b = project.snapshot(), expected.snapshot()
    assert (a.n_rows, sorted(a.names)) == (b.n_rows, sorted(b.names))
    assert project.column_types == expected.column_types
    index = [a.index(name) for name in b.names]
    np.testing.assert_array_equal(a.moments.count[index], b.moments.count)
    scale = np.sqrt(np.outer(np.diag(b.moments.covariance()), np.diag(b.moments.covariance())))
    scale[scale == 0] = 1
    found = a.moments.covariance()[np.ix_(index, index)]
    np.testing.assert_allclose(found / scale, b.moments.covariance() / scale, rtol=0, atol=tolerance)
    np.testing.assert_allclose(a.moments.mean()[index], b.moments.mean(), rtol=tolerance)


@pytest.mark.parametrize("kind", ["parquet", "csv", "one.parquet"])
def test_the_project_of_one_machine(session, files, manager, kind):
    types = {"town": "T", "note": "S"}
    format = "csv" if kind == "csv" else None
    project, expected = sj.Project("p"), sj.Project("q")
    result, info = run(manager, project, files / kind, session, types=types, format=format)
    expected.learn(sj.sources.open(files / kind, types=types))
    assert (result.rows, info.details["rows"], info.current) == (N, str(N), info.maximum)
    assert info.jobType == "SparkDSUpdateJob"
    assert info.details["projectHash"] == project.snapshot().hash
    assert_same(project, expected)
    run(manager, project, files / kind, session, types=types, format=format, forget=True)
    assert project.n_rows == 0
    np.testing.assert_array_equal(project.snapshot().moments.count, 0)


@pytest.mark.parametrize("partitions", [1, 5, 18])
def test_a_data_frame_in_any_number_of_partitions(session, manager, partitions):
    whole = table()
    frame = session.createDataFrame(whole.drop(["note"]).to_pandas()).repartition(partitions)
    project = sj.Project("p", params={"exact": True})
    result, _ = run(manager, project, frame, types={"town": "T"})
    expected = sj.Project("q", params={"exact": True}).learn(whole.drop(["note"]), types={"town": "T"})
    assert result.rows == N
    assert_same(project, expected, tolerance=0)  # bit for bit


def test_a_tree_of_merges_is_what_the_driver_would_do(classic, manager, monkeypatch):
    frame = classic.range(5_000).selectExpr("id", "sqrt(id) as root").repartition(9)
    projects = []
    for fan in (16, 2):
        monkeypatch.setattr(learn_module, "_FAN", fan)
        project = sj.Project("p", histogram=True, params={"exact": True})
        run(manager, project, frame)
        projects.append(project)
    assert len({project.snapshot().moments.covariance().tobytes() for project in projects}) == 1
    for project in projects:  # a sketch of merged parts has an error of about 1 % of the ranks
        assert project.snapshot().quantile("root", 0.5) == pytest.approx(2_500**0.5, rel=0.03)
    monkeypatch.setattr(learn_module, "_DRIVER_BYTES", 1)  # one task merges all
    project = sj.Project("p")
    assert run(manager, project, frame)[0].rows == 5_000


def test_empty_partitions_and_partitions_without_values(session, manager):
    frame = session.range(10).selectExpr("id", "if(id < 9, null, id * 2.0) as late", "cast(null as double) as never")
    frame = frame.repartition(6)
    project = sj.Project("p")
    assert run(manager, project, frame)[0].rows == 10
    assert project.column_types["late"] == "C"
    assert project.snapshot().moments.count[project.snapshot().index("late")] == 1
    before = project.snapshot().hash
    for empty, words in ((frame.where("id < 0"), "holds no rows"), (frame.select("never"), "every value is missing")):
        with pytest.raises(sj.JobFailed, match=words):
            run(manager, project, empty)
    assert project.snapshot().hash == before


def test_a_task_that_spark_runs_again_counts_once(classic, manager):
    def fails_first(batches):
        from pyspark import TaskContext

        yield from batches
        if TaskContext.get().attemptNumber() == 0 and TaskContext.get().partitionId() % 2:
            raise OSError("the first attempt is lost after all its rows")

    frame = classic.range(1_000).repartition(6).mapInArrow(fails_first, "id long")
    project = sj.Project("p")
    assert run(manager, project, frame)[0].rows == 1_000
    assert project.snapshot().moments.mean()[0] == pytest.approx(499.5, rel=1e-15)


def test_a_kill_stops_spark_and_leaves_the_project_as_it_was(session, manager):
    def slow(batches):
        import time

        for batch in batches:
            time.sleep(0.3)
            yield batch

    frame = session.range(2_000_000).repartition(8).mapInArrow(slow, "id long")
    project = sj.Project("p").learn((np.array([[1.0]]), ["id"]))
    before = project.snapshot().hash
    handle = manager.submit(sj.SparkDSUpdateJob(project, frame))
    end = time.monotonic() + 60
    while not handle.info().isStarted and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(2)
    assert handle.kill()
    assert project.snapshot().hash == before
    if not type(session).__module__.startswith("pyspark.sql.connect"):
        tracker = session.sparkContext.statusTracker()
        while tracker.getActiveJobsIds() and time.monotonic() < end:
            time.sleep(0.1)
        assert not tracker.getActiveJobsIds()
    assert run(manager, project, session.range(10))[0].rows == 10  # the session goes on


def test_dates_and_types_that_are_known(session, manager, tmp_path):
    project = sj.Project("p")
    run(manager, project, session.createDataFrame([(1.0, "007")], "v double, code string"), types={"code": "T"})
    frame = session.createDataFrame([(2.0, "010")], "v double, code string")
    run(manager, project, frame)  # as the project knows it
    assert sorted(project.snapshot().names) == ["code$007", "code$010", "v"]
    stamps = session.sql("select timestamp'2024-01-01 00:00:00' as t, 1.0 as v")
    dated = sj.Project("d")
    run(manager, dated, stamps, dates=["t"])
    assert dated.snapshot().names == ("t", "v")


def test_a_description(session, connect_url, manager, tmp_path):
    (tmp_path / "a.csv").write_text("when;code;v\n2024-01-01;007;1,5\n2024-01-02;010;2,5\n")
    info = {"path": str(tmp_path / "a.csv"), "csv_entry_separator": ";", "csv_decimal": ",", "dates": "when"}
    info["types"] = '{"code": "T"}'
    is_connect = type(session).__module__.startswith("pyspark.sql.connect")
    master = connect_url if is_connect else session.sparkContext.master
    spark = {"sparkmaster": master, "sml.sparkenv.spark.sql.shuffle.partitions": "3"}
    project = sj.Project("p", params={"exact": True})
    _, details = run(manager, project, sj.DSInfo("sparks3_map_reduce_csv", "days", {**info, **spark}))
    assert details.details["dataSource"] == "days"
    expected = sj.Project("q", params={"exact": True}).learn(sj.sources.open(sj.DSInfo("localfile", "days", info)))
    assert_same(project, expected, tolerance=0)
    access = sj.sources.Access(roots=(tmp_path,), hosts=("127.0.0.1",), spark_masters=(master,))
    allowed = {**info, "path": "a.csv"}
    run(manager, project, sj.DSInfo("sparks3_map_reduce_csv", "days", allowed), access=access)
    assert project.n_rows == 4
    for change, words in (
        ({"sparkmaster": "local[7]"}, "does not use the Spark master"),
        ({"path": "../a.csv"}, "outside of the folders"),
        ({"sml.sparkenv.spark.driver.extraJavaOptions": "-X"}, "does not let clients set"),
        ({"s3bucket": "b"}, "does not connect to the host 's3.amazonaws.com'"),
        ({"s3bucket": "b", "s3region": "x.evil.org/"}, "has characters that none has"),
        ({"s3bucket": "b", "s3endpoint": "http://127.0.0.1:1"}, "needs s3accessKey and s3secretKey"),
        ({"csv_comment": "#"}, r"comment \(csv_comment\) is not for CSV files that Spark reads"),
        ({"csv_encoding_errors": "replace"}, "is not for CSV files that Spark reads"),
        ({"format": "xml"}, "unknown format of files 'xml'"),
    ):
        with pytest.raises(sj.JobFailed, match=words):
            run(manager, project, sj.DSInfo("sparks3_map_reduce_csv", "days", {**allowed, **change}), access=access)
    with pytest.raises(sj.JobFailed, match="this server has no Spark"):
        run(
            manager,
            project,
            sj.DSInfo("sparks3_map_reduce_csv", "d", allowed),
            access=sj.sources.Access(roots=(tmp_path,)),
        )
    assert project.n_rows == 4


def test_a_master_that_does_not_answer(classic, manager):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for master in (f"spark://127.0.0.1:{port}", f"sc://127.0.0.1:{port}"):
        info = {"path": "a.csv", "sparkmaster": master}
        started = time.monotonic()
        with pytest.raises(sj.JobFailed, match=rf"Spark at {master} does not answer within 2 seconds"):
            run(manager, sj.Project("p"), sj.DSInfo("sparks3_map_reduce_csv", "d", info), timeout=2)
        assert time.monotonic() - started < 20
    info["sparkmaster"] = "local[1]"
    with pytest.raises(sj.JobFailed, match=r"has a session of Spark at local\[2,3\], and can have none at local\[1\]"):
        run(manager, sj.Project("p"), sj.DSInfo("sparks3_map_reduce_csv", "d", info))


def test_errors_in_the_data_name_the_column(session, manager, tmp_path):
    (tmp_path / "bad.csv").write_text("a,b\n1,2\nx,3\n")
    (tmp_path / "wide.csv").write_text("a,b\n1,2\n1,2,3\n")
    (tmp_path / "c").mkdir()
    parquet.write_table(pa.table({"a": [1.0]}), tmp_path / "c" / "0.parquet")
    parquet.write_table(pa.table({"a": ["text"]}), tmp_path / "c" / "1.parquet")
    project = sj.Project("p").learn((np.array([[1.0]]), ["a"]))
    before = project.snapshot().hash
    for path, words in (
        ("bad.csv", "column 'a': 'x' is not a number"),
        ("wide.csv", "(?i)malformed"),
        ("c", "one type in one file"),
        ("none.parquet", "(?i)path does not exist|not found"),
        ("unknown.dat", "does not say whether the files are CSV or Parquet"),
    ):
        with pytest.raises(sj.JobFailed, match=words) as caught:
            run(manager, project, tmp_path / path, session, types={"a": "C"} if path == "bad.csv" else None)
        assert "\n" not in str(caught.value)
    maps = session.sql("select map('a', 1) as m, 1.0 as a")
    with pytest.raises(sj.JobFailed, match=r"column 'm' has the type map<.*leave it out: types=\{'m': 'X'\}"):
        run(manager, project, maps)
    assert project.snapshot().hash == before
    assert run(manager, project, maps, types={"m": "X"})[0].rows == 1
    assert (
        run(manager, project, tmp_path / "bad.csv", session, types={"a": "C"}, errors="missing")[1]
        .details["badValues"]
        .startswith("1 ")
    )


def test_columns_of_files_are_matched_by_name(session, manager, tmp_path):
    parquet.write_table(pa.table({"a": [1.0, 2.0]}), tmp_path / "0.parquet")
    parquet.write_table(pa.table({"b": [5.0], "a": [3.0]}), tmp_path / "1.parquet")
    project = sj.Project("p")
    result, _ = run(manager, project, f"{tmp_path}/*.parquet", session)
    assert result.rows == 3
    snapshot = project.snapshot()
    assert [snapshot.moments.count[snapshot.index(name)] for name in ("a", "b")] == [3, 1]


def test_an_executor_without_the_package_says_so(classic, manager, tmp_path, monkeypatch):
    (tmp_path / "symjobs").mkdir()
    (tmp_path / "symjobs" / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'symjobs'\")\n")
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\ncd {tmp_path}\nPYTHONPATH="{tmp_path}:$PYTHONPATH" exec {classic.sparkContext.pythonExec} "$@"\n'
    )
    python.chmod(0o755)
    monkeypatch.setattr(classic.sparkContext, "pythonExec", str(python))
    project = sj.Project("p")
    with pytest.raises(sj.JobFailed, match=r"an executor .*cannot import symjobs: No module named 'symjobs'"):
        run(manager, project, classic.range(100).repartition(20))
    assert project.n_rows == 0


def test_spark_counts_other_rows_than_were_learnt(classic, manager, monkeypatch):
    add = learn_module.Merge.add
    monkeypatch.setattr(
        learn_module.Merge, "add", lambda self, row: add(self, {**row, "rows": 3 if row["rows"] else 0})
    )
    project = sj.Project("p")
    with pytest.raises(sj.JobFailed, match=r"Spark counts 100 rows, and [36] were learnt"):
        run(manager, project, classic.range(100))


def test_a_path_is_read_by_the_active_session(classic, files, manager):
    project = sj.Project("p")
    result, info = run(manager, project, str(files / "one.parquet"), dates=True, types={"note": "X", "town": "X"})
    assert (result.rows, project.snapshot().names) == (N, ("x", "y", "n", "flag"))
    assert info.details["dataSource"] == str(files / "one.parquet")


def test_a_kill_while_spark_is_asked_for(manager, monkeypatch):
    monkeypatch.setattr("symjobs._jobs._spark_ds_update.session_of", lambda *_: time.sleep(60))
    handle = manager.submit(
        sj.SparkDSUpdateJob(sj.Project("p"), sj.DSInfo("sparks3_map_reduce_csv", "d", {"path": "d.csv"}))
    )
    while not handle.info().isStarted:
        time.sleep(0.01)
    assert handle.kill()


def test_what_is_no_source():
    project = sj.Project("p")
    with pytest.raises(sj.InputError, match="takes a DataFrame of Spark, a path or a DSInfo, got dict_keys"):
        sj.SparkDSUpdateJob(project, {}.keys())
    with pytest.raises(sj.InputError, match="of the type sparks3_map_reduce"):
        sj.SparkDSUpdateJob(project, sj.DSInfo("localfile", "d", {"path": "d.csv"}))
    with pytest.raises(sj.InputError, match="is read by Spark; a SparkDSUpdateJob learns it"):
        sj.sources.open(sj.DSInfo("sparks3_map_reduce_csv", "d", {"path": "d.csv"}))
    windowed = sj.Project("w", params={"rolling_window": 10})
    with pytest.raises(sj.ProjectError, match="rolling window"):
        sj.SparkDSUpdateJob(windowed, "d.parquet")
    frozen = sj.Project("f")
    frozen.freeze()
    with pytest.raises(sj.ProjectError, match="frozen"):
        sj.SparkDSUpdateJob(frozen, "d.parquet")
    assert SparkFrame.__name__ == "SparkFrame"
