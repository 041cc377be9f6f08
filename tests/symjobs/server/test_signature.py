"""Signed requests: what is let in, and what is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symjobs.server._signature import Message, Refused, check, signed_headers
from tests.symjobs.server._client import SECRET, USERS

NOW = 1_795_867_000.0  # 2026-11-28 11:56:40 UTC
BODY = b'{"a": "\xc3\xbc"}'
MESSAGE = Message("POST", "c1", "/symetry/rest/c1/projects/p%C3%BC/learn", "async=true&x=1", BODY)


def lower(headers):
    return {name.lower(): value for name, value in headers.items()}


def refusal(message=MESSAGE, headers=None, now=NOW, **changes):
    given = lower(signed_headers(MESSAGE, SECRET, NOW) if headers is None else headers)
    given = {name: value for name, value in {**given, **changes}.items() if value is not None}
    with pytest.raises(Refused) as refused:
        check(message, given, USERS.get, now)
    return refused.value


def by_hand(lines, secret=SECRET):
    text = "".join(f"{line}\n" for line in lines).encode()
    return base64.b64encode(hmac.new(base64.b64decode(secret), text, hashlib.sha256).digest()).decode()


def test_the_string_to_sign_is_that_of_the_contract():
    md5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()
    date = "2026-11-28 11:56:40;0"
    headers = signed_headers(MESSAGE, SECRET, NOW)
    assert headers["sym-date"] == date
    assert headers["Content-MD5"] == md5
    lines = ["POST", md5, SECRET, date, "c1", BODY.decode(), MESSAGE.path, MESSAGE.query]
    assert headers["Authorization"] == by_hand(lines)
    bare = Message("GET", "c1", "/symetry/rest/c1/jobs")
    assert signed_headers(bare, SECRET, NOW)["Authorization"] == by_hand(["GET", "", SECRET, date, "c1", bare.path])


def test_a_published_value():
    """Computed with OpenSSL: printf '...' | openssl dgst -sha256 -hmac ... -binary | base64."""
    message = Message("GET", "c1", "/symetry/rest/c1/jobs/1")
    assert signed_headers(message, SECRET, NOW)["Authorization"] == "S0RHCMPaQaGcQc00Fiwe+FSaIcbaogx/a07mbi9Eo8Y="


@pytest.mark.parametrize("digits", ["", ";", ";0", ";123", ";000000007", ";" + "9" * 30])
def test_any_number_of_digits(digits):
    date = f"2026-11-28 11:56:40{digits}"
    bare = Message("GET", "c1", "/symetry/rest/c1/jobs")
    signature = by_hand(["GET", "", SECRET, date, "c1", bare.path])
    assert check(bare, {"authorization": signature, "sym-date": date}, USERS.get, NOW) == signature


@pytest.mark.parametrize("path", [MESSAGE.path, "/symetry/rest/c1/projects/pü/learn"])
@pytest.mark.parametrize("with_md5", [True, False])
def test_clients_that_sign_the_decoded_path_or_no_md5(path, with_md5):
    date = "2026-11-28 11:56:40;1"
    md5 = base64.b64encode(hashlib.md5(BODY).digest()).decode() if with_md5 else ""
    signature = by_hand(["POST", md5, SECRET, date, "c1", BODY.decode(), path, MESSAGE.query])
    headers = {"authorization": signature, "sym-date": date} | ({"content-md5": md5} if with_md5 else {})
    assert check(MESSAGE, headers, USERS.get, NOW) == signature


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"authorization": None}, 400, "Authentication header is null"),
        ({"sym-date": None}, 400, "sym-date header is null"),
        ({"sym-date": "2026-11-28T11:56:40"}, 400, "Invalid Date Format"),
        ({"sym-date": "2026-13-28 11:56:40;1"}, 400, "Invalid Date Format"),
        ({"sym-date": "2026-11-28 11:56:40;-1"}, 400, "Invalid Date Format"),
        ({"sym-date": "٢٠٢٦-11-28 11:56:40;1"}, 400, "Invalid Date Format"),
        ({"content-md5": "AAAA"}, 400, "Md5 do not match"),
        ({"authorization": ""}, 401, "Invalid Signature"),
        ({"authorization": "é"}, 401, "Invalid Signature"),
        ({"authorization": "A" * 44}, 401, "Invalid Signature"),
    ],
)
def test_what_is_wrong_is_named(changes, status, text):
    refused = refusal(**changes)
    assert (refused.status, refused.text) == (status, text)


@pytest.mark.parametrize(("late", "good"), [(299.9, True), (301, False), (-59, True), (-61, False)])
def test_the_window_of_dates(late, good):
    headers = lower(signed_headers(MESSAGE, SECRET, NOW))
    if good:
        check(MESSAGE, headers, USERS.get, NOW + late)
    else:
        assert refusal(now=NOW + late).text == "Please update your server time, it is likely out of sync with UTC"


def test_errors_show_the_string_without_the_secret():
    refused = refusal(Message("POST", "c1", MESSAGE.path, "async=false", BODY))
    assert refused.status == 401
    md5 = base64.b64encode(hashlib.md5(BODY).digest()).decode()
    assert refused.string_to_sign == (
        f'POST\n{md5}\nSECRETKEY\n2026-11-28 11:56:40;0\nc1\n{{"a": "ü"}}\n{MESSAGE.path}\nasync=false\n'
    )
    stranger = refusal(Message("POST", "c9", MESSAGE.path, MESSAGE.query, BODY))
    assert (stranger.status, stranger.text) == (401, "Invalid User")
    assert SECRET not in stranger.string_to_sign
    large = Message("POST", "c1", "/p", "", b"x" * 1_000_000)
    headers = {"authorization": "AA==", "sym-date": "2026-11-28 11:56:40;0"}
    assert len(refusal(large, headers).string_to_sign) < 10_000


@given(
    method=st.sampled_from(["GET", "PUT"]),
    cid=st.sampled_from(["c2", "c1 "]),
    path=st.text(min_size=1).map(quote),
    query=st.text(alphabet="abc=&1", min_size=1),
    body=st.binary(),
)
def test_whatever_is_altered_is_refused(method, cid, path, query, body):
    good = {"method": "POST", "cid": "c1", "path": MESSAGE.path, "query": MESSAGE.query, "body": BODY}
    for name, value in {"method": method, "cid": cid, "path": path, "query": query, "body": body}.items():
        if value != good[name]:
            headers = signed_headers(MESSAGE, SECRET, NOW)
            headers.pop("Content-MD5")
            assert refusal(Message(**{**good, name: value}), headers).status == 401


@given(st.dictionaries(st.sampled_from(["authorization", "sym-date", "content-md5"]), st.text()), st.binary())
def test_no_header_breaks_the_check(headers, body):
    with pytest.raises(Refused):
        check(Message("POST", "c1", "/p", "q", body), headers, USERS.get, NOW)
