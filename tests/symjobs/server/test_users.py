"""Users and their secrets: encrypted in the store, shown once, gone when removed."""

from __future__ import annotations

import base64
import os
import stat
import threading

import pytest
import sqlalchemy as sa

import symjobs as sj
from symjobs.server import MasterKey, Users, new_key, read_key
from symjobs.server import _users as module


@pytest.fixture
def key():
    return new_key()


@pytest.fixture
def users(sqlite_url, key):
    users = Users(sqlite_url, key)
    yield users
    users.close()


def test_a_secret_is_sixteen_random_bytes(users):
    first, second = users.add("c1"), users.add("ü 2")
    assert len(base64.b64decode(first)) == len(base64.b64decode(second)) == 16
    assert first != second
    assert users.names() == ["c1", "ü 2"]
    assert (users.secret("c1"), users.secret("ü 2"), users.secret("c3")) == (first, second, None)


def test_no_secret_is_readable_in_the_store(users, tmp_path, sqlite_url, key):
    secret = users.add("c1")
    users.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"symjobs_users" in stored
    for text in (secret.encode(), base64.b64decode(secret), key.encode()):
        assert text not in stored
    again = Users(sqlite_url, key)
    assert again.secret("c1") == secret
    again.close()


def test_another_key_does_not_decrypt(users, sqlite_url):
    users.add("c1")
    stranger = Users(sqlite_url, new_key())
    with pytest.raises(sj.StoreError, match="another master key"):
        stranger.secret("c1")
    stranger.close()


def test_a_key_is_replaced_by_naming_both(users, sqlite_url, key):
    secret, new = users.add("c1"), new_key()
    both = Users(sqlite_url, f"{new},{key}")
    assert both.secret("c1") == secret
    later = both.add("c2")
    both.close()
    alone = Users(sqlite_url, new)
    assert alone.secret("c2") == later
    alone.close()


def test_secrets_cannot_be_exchanged_in_the_store(users, sqlite_url):
    users.add("c1")
    users.add("c2")
    engine = sa.create_engine(sqlite_url)
    with engine.begin() as connection:
        taken = connection.execute(sa.text("SELECT secret FROM symjobs_users WHERE name = 'c2'")).scalar()
        connection.execute(sa.text("UPDATE symjobs_users SET secret = :secret WHERE name = 'c1'"), {"secret": taken})
    engine.dispose()
    with pytest.raises(sj.StoreError, match="altered"):
        users.secret("c1")


def test_a_removed_user_is_refused_soon_by_every_server(users, sqlite_url, key, monkeypatch):
    users.add("c1")
    other = Users(sqlite_url, key)
    assert other.secret("c1") is not None
    users.remove("c1")
    assert users.secret("c1") is None
    now = module.time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: now + 2.1)
    assert other.secret("c1") is None
    other.close()


@pytest.mark.parametrize("name", ["", "a/b", ".", "..", "x" * 256, "a\nb", 7, None])
def test_bad_names(users, name):
    with pytest.raises(sj.InputError):
        users.add(name)
    assert users.names() == []


def test_names_come_once(users):
    secret = users.add("c1")
    with pytest.raises(sj.InputError, match="already"):
        users.add("c1")
    assert users.secret("c1") == secret
    with pytest.raises(sj.InputError, match="no user 'c2'"):
        users.remove("c2")


@pytest.mark.postgresql
def test_postgresql(postgresql_url, key):
    users = Users(postgresql_url, key)
    secret = users.add("c1")
    other = Users(postgresql_url, key)
    assert other.secret("c1") == secret
    assert (users.use_once("s"), other.use_once("s")) == (True, False)
    with pytest.raises(sj.InputError, match="already"):
        other.add("c1")
    users.close()
    other.close()


def test_a_signature_is_used_once_by_many_threads(users):
    used = []
    threads = [threading.Thread(target=lambda: used.append(users.use_once("s"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(used) == [False] * 7 + [True]
    assert users.use_once("t")


# The master key.


def test_the_key_of_the_environment_goes_first(monkeypatch, tmp_path):
    monkeypatch.setenv("SYMJOBS_KEY", new_key())
    encrypted = read_key(tmp_path / "none").encrypt("a")
    assert MasterKey(os.environ["SYMJOBS_KEY"]).decrypt(encrypted) == "a"
    monkeypatch.setenv("SYMJOBS_KEY", "short")
    with pytest.raises(sj.InputError, match="32 random bytes") as refused:
        read_key(tmp_path / "none")
    assert "short" not in str(refused.value)


@pytest.mark.skipif(os.name != "posix", reason="file modes of POSIX")
def test_the_key_file_is_for_its_owner_alone(monkeypatch, tmp_path):
    monkeypatch.delenv("SYMJOBS_KEY", raising=False)
    path = tmp_path / "folder" / "key"
    with pytest.raises(sj.InputError, match="there is no master key"):
        read_key(path)
    first = read_key(path, create=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path, create=True).decrypt(first.encrypt("a")) == "a"
    assert [one.name for one in path.parent.iterdir()] == ["key"]
    path.chmod(0o640)
    with pytest.raises(sj.InputError, match="chmod 600"):
        read_key(path)
    path.chmod(0o600)
    path.write_text("nonsense")
    with pytest.raises(sj.InputError, match="32 random bytes"):
        read_key(path)
