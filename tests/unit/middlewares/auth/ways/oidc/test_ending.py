"""Who is logged out by a mark, and what a log-out token must say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.oidc.deciding.ending import (
    LOGOUT_EVENT,
    Mark,
    Marks,
    end_session_url,
    read_logout_claims,
)
from middlewares.auth.ways.oidc.deciding.session import Session
from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed

TOKEN = {"events": {LOGOUT_EVENT: {}}, "jti": "j", "iat": 1000.0, "sub": "ada"}


def session(began_s: float = 1000.0, sid: str = "s", user: str = "ada") -> Session:
    claims = {"sub": user}
    return Session("i", 0, user, sid, claims, (), "", "", began_s, 9e9, 9e9, None)


def marks(*given: Mark) -> Marks:
    found = Marks()
    for mark in given:
        found.add(mark)
    return found


@pytest.mark.parametrize(
    ("mark", "ends"),
    [
        (Mark("id", "i", 1.0), True),
        (Mark("id", "j", 2000.0), False),
        (Mark("sid", "s", 1000.0), True),
        (Mark("sid", "s", 999.9), False),
        (Mark("sid", "t", 2000.0), False),
        (Mark("sub", "ada", 1000.0), True),
        (Mark("sub", "ada", 999.0), False),
        (Mark("sub", "eve", 2000.0), False),
        (Mark("sub", "s", 2000.0), False),
        (Mark("sid", "ada", 2000.0), False),
    ],
)
def test_a_mark_ends_the_sessions_of_before(mark: Mark, ends: bool) -> None:
    assert marks(mark).end(session()) is ends


def test_a_session_without_a_sid_is_not_ended_by_an_empty_one() -> None:
    assert not marks(Mark("sid", "", 2000.0)).end(session(sid=""))


def test_a_later_mark_counts_and_an_earlier_one_changes_nothing() -> None:
    found = marks(Mark("sub", "ada", 1500.0))
    assert not found.add(Mark("sub", "ada", 1400.0))
    assert found.end(session(1450.0))
    assert found.add(Mark("sub", "ada", 1600.0))
    assert len(found) == 1


def test_old_marks_are_forgotten() -> None:
    found = marks(Mark("sub", "ada", 100.0), Mark("sub", "eve", 200.0))
    found.forget(150.0)
    assert found.all() == [Mark("sub", "eve", 200.0)]


@given(st.sampled_from(["id", "sid", "sub"]), st.text(min_size=1), st.integers(0, 10**10))
def test_a_mark_comes_back_as_it_was_written(kind: Any, value: str, at_ms: int) -> None:
    mark = Mark(kind, value, at_ms / 1000)
    assert Mark.read(mark.write()) == mark


@given(st.text())
def test_other_text_is_no_mark(text: str) -> None:
    assert Mark.read("x" + text) is None


@pytest.mark.parametrize(("named", "kind"), [({"sid": "s"}, "sid"), ({}, "sub")])
def test_a_log_out_token_names_a_session_or_a_user(named: dict[str, str], kind: str) -> None:
    mark, jti = read_logout_claims({**TOKEN, **named}, now_s=1001.0, leeway_s=30.0)
    assert (mark.kind, mark.at_s, jti) == (kind, 1001.0, "j")


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": None},
        {"events": []},
        {"events": {"other": {}}},
        {"events": {LOGOUT_EVENT: []}},
        {"nonce": "n"},
        {"nonce": None},
        {"jti": None},
        {"jti": 7},
        {"jti": "j" * 513},
        {"iat": None},
        {"iat": True},
        {"iat": "1000"},
        {"iat": 800.0},
        {"iat": 1032.0},
        {"sub": None},
        {"sub": ""},
        {"sub": ["ada"]},
    ],
)
def test_what_is_no_log_out_token_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotAsAgreed):
        read_logout_claims({**TOKEN, **wrong}, now_s=1001.0, leeway_s=30.0)


def test_a_browser_is_sent_to_the_log_out_of_the_provider() -> None:
    url = end_session_url("https://id/end", client_id="a&b", id_token="", after=None)
    assert url == "https://id/end?client_id=a%26b"
    url = end_session_url("https://id/end?t=1", client_id="c", id_token="i.j.k", after="https://a/")
    assert (
        url
        == "https://id/end?t=1&client_id=c&id_token_hint=i.j.k&post_logout_redirect_uri=https%3A%2F%2Fa%2F"
    )
