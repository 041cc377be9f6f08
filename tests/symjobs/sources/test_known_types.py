"""What a project knows of its columns reaches the source that it learns."""

import pyarrow as pa
import pytest
from pyarrow import parquet

import symjobs as sj
from symjobs.sources._sample import sample_of

HEAD = "v,when,code\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.csv").write_text(HEAD + "1,2024-01-01,01234\n2,2024-01-02,99999\n")
    (tmp_path / "b.csv").write_text(HEAD + "3,2024-01-03,00077\n4,2024-01-04,01234\n")
    return tmp_path


def _learn_directly(project, path, **options):
    project.learn(sj.sources.csv(path, **options))


def _learn_by_job(project, path, **options):
    with sj.JobManager(workers=1, store=None) as manager:
        manager.submit(sj.LearnJob(project, sj.sources.csv(path, **options))).result(timeout=60)


def _update_by_job(project, path, **options):
    with sj.JobManager(workers=1, store=None) as manager:
        manager.submit(sj.DSUpdateJob(project, sj.sources.csv(path, **options))).result(timeout=60)


def _update_and_keep(project, path, **options):
    with sj.JobManager(workers=1, store=None) as manager:
        manager.submit(sj.DSUpdateJob(project, sj.sources.csv(path, **options), keep_read=True)).result(timeout=60)


ways = pytest.mark.parametrize("learn", [_learn_directly, _learn_by_job, _update_by_job, _update_and_keep])
MEMBERS = {"code$01234", "code$99999", "code$00077"}


@ways
def test_a_category_that_looks_like_numbers_stays_one(folder, learn):
    project = sj.Project("p")
    learn(project, folder / "a.csv", types={"code": "T", "when": "S"})
    learn(project, folder / "b.csv", types={"when": "S"})
    assert {name for name in project.snapshot().names if "$" in name} == MEMBERS


@ways
def test_the_types_that_a_project_is_created_with(folder, learn):
    project = sj.Project("p", params={"types": {"code": "T", "when": "S"}})
    learn(project, f"{folder}/*.csv", types={"when": "S"})
    assert {name for name in project.snapshot().names if "$" in name} == MEMBERS


@ways
@pytest.mark.parametrize("several", [False, True])
def test_dates_of_a_column_that_was_carried_so_far(folder, learn, several):
    project = sj.Project("p")
    learn(project, folder / "a.csv", types={"code": "T", "when": "S"})
    learn(project, folder if several else folder / "b.csv", dates=["when"])
    snapshot = project.snapshot()
    assert project.column_types == {"v": "C", "when": "C", "code": "T"}
    assert snapshot.moments.count[snapshot.index("when")] == (4 if several else 2)


def test_dates_of_a_category_are_refused(folder):
    project = sj.Project("p").learn(sj.sources.csv(folder / "a.csv", types={"code": "T", "when": "T"}))
    before = project.snapshot().hash
    with pytest.raises(sj.InputError, match=r"'when' was learnt as T .* now comes as C"):
        project.learn(sj.sources.csv(folder / "b.csv", dates=["when"]))
    assert project.snapshot().hash == before
    project.learn(sj.sources.csv(folder / "b.csv", dates=True))  # those that are not known to be anything else
    assert "when$2024-01-04" in project.snapshot().names


def test_what_is_forgotten_is_read_as_it_was_learnt(folder):
    project = sj.Project("p").learn(sj.sources.csv(folder / "a.csv", types={"code": "T", "when": "S"}))
    project.forget(sj.sources.csv(folder / "a.csv"))
    assert project.n_rows == 0
    assert project.snapshot().moments.count.sum() == 0


def test_text_in_a_column_of_numbers_has_its_line(folder):
    project = sj.Project("p").learn(sj.sources.csv(folder / "a.csv", types={"when": "S"}))
    (folder / "c.csv").write_text(HEAD + "5,2024-01-05,x\n")
    with pytest.raises(sj.InputError, match=r"c\.csv, line 2, column 'code': 'x' is not a number"):
        project.learn(sj.sources.csv(folder / "c.csv", types={"when": "S"}))


@pytest.mark.parametrize("kind", ["parquet", "arrow", "several"])
def test_numbers_of_files_with_types_that_are_a_category(tmp_path, kind):
    table = pa.table({"v": [1.0, 2.0], "code": [7, 8]})
    for name in ("a", "b"):
        if kind == "arrow":
            with pa.ipc.new_file(tmp_path / name, table.schema) as file:
                file.write(table)
        else:
            parquet.write_table(table, tmp_path / f"{name}.parquet")
    path = {"arrow": tmp_path / "a", "parquet": tmp_path / "a.parquet", "several": tmp_path}[kind]
    project = sj.Project("p").learn(sj.sources.open(path, types={"code": "T"}))
    project.learn(sj.sources.open(path))
    assert project.snapshot().names == ("v", "code$7", "code$8")


def test_a_source_that_agrees_is_not_opened_again(folder):
    source = sj.sources.csv(folder / "a.csv", types={"code": "T"})
    assert source.after({"v": "C", "when": "S", "code": "T", "other": "T"}) is source
    assert source.after({"code": "C"}) is source  # what was asked for goes first
    assert source.after({"when": "T"}).attribute_types == ("C", "T", "T")


def test_a_sample_has_the_columns_of_later_files(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "b.csv").write_text("b,c,d\nz,3,w\n")
    frame = sample_of(sj.sources.csv(tmp_path), 128)
    assert frame.attributeNames == ["a", "b", "c", "d"]
    assert frame.attributeTypes == ["C", "S", "C", "S"]
    assert frame.data == [["1", "x", "", ""], ["2", "y", "", ""], ["", "z", "3", "w"]]
    assert sample_of(sj.sources.csv(tmp_path), 2).attributeNames == ["a", "b"]


@pytest.mark.parametrize("several", [False, True])
def test_values_that_do_not_fit_are_counted_where_the_caller_looks(folder, several):
    project = sj.Project("p").learn(sj.sources.csv(folder / "a.csv", types={"code": "T", "when": "S"}))
    (folder / "b.csv").write_text(HEAD + "x,2024-01-03,00077\n4,2024-01-04,01234\n")
    source = sj.sources.csv(folder if several else folder / "b.csv", types={"when": "S", "v": "C"}, errors="missing")
    project.learn(source)
    assert "code$00077" in project.snapshot().names
    assert source.bad_values["v"].count == 1
