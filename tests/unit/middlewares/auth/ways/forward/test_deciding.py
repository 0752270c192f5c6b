"""What a deciding service's answers mean, and which requests share a decision."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.auth.ways.forward.deciding import (
    MOST_TAKEN_BYTES,
    NAMELESS,
    Admitted,
    Failed,
    Passed,
    judged,
    lines_to_send,
    remembered_by,
)
from middlewares.auth.ways.forward.spec import ForwardSpec

SPEC = ForwardSpec(
    "gate",
    "http://auth/check",
    send=frozenset([b"authorization", b"cookie"]),
    take=frozenset([b"x-user", b"x-groups"]),
    subject=b"x-user",
)
BY_CREDENTIAL = ForwardSpec("gate", "http://auth/check", send=SPEC.send, by_credential=True)
SECRET = b"k" * 32
REQUEST: dict[str, Any] = {
    "method": "GET",
    "scheme": "http",
    "host": b"a.example",
    "target": "/a",
    "client": "10.0.0.1",
}
COOKIE = [(b"cookie", b"sid=1")]


def key(spec: ForwardSpec = SPEC, lines: Any = COOKIE, **other: Any) -> bytes | None:
    return remembered_by(SECRET, spec, lines, **{**REQUEST, **other})


def test_the_service_gets_the_named_fields_alone_with_their_values_as_they_came() -> None:
    fields = [(b"COOKIE", b"a=1"), (b"Accept", b"*/*"), (b"cookie", b"b=2"), (b"X_Cookie", b"c=3")]
    assert lines_to_send(SPEC, fields) == [(b"cookie", b"a=1"), (b"cookie", b"b=2")]


def test_the_very_same_request_shares_a_decision() -> None:
    assert key() == key()
    assert key() == key(host=b"A.Example"), "hosts are compared without case"


@pytest.mark.parametrize(
    "other",
    [
        {"method": "POST"},
        {"scheme": "https"},
        {"host": b"b.example"},
        {"target": "/b"},
        {"target": "/a?token=2"},
        {"lines": [(b"cookie", b"sid=2")]},
        {"lines": [(b"authorization", b"sid=1")]},
        {"lines": [*COOKIE, *COOKIE]},
        {"lines": []},
    ],
)
def test_a_request_that_differs_in_one_thing_shares_none(other: dict[str, Any]) -> None:
    assert key(**other) != key()


def test_a_client_with_a_credential_may_change_its_address() -> None:
    assert key(client="10.0.0.2") == key()


def test_clients_without_a_credential_are_told_apart_by_their_address() -> None:
    assert key(lines=[], client="10.0.0.2") != key(lines=[])


def test_by_credential_a_decision_holds_for_every_path_method_and_host() -> None:
    there = {"method": "POST", "target": "/b", "host": b"b.example"}
    assert key(BY_CREDENTIAL, **there) == key(BY_CREDENTIAL)
    assert key(BY_CREDENTIAL, lines=[(b"cookie", b"sid=2")]) != key(BY_CREDENTIAL)


def test_by_credential_nothing_is_remembered_of_a_request_without_one() -> None:
    assert key(BY_CREDENTIAL, lines=[]) is None


def test_the_secret_is_part_of_the_key() -> None:
    assert remembered_by(b"other", SPEC, COOKIE, **REQUEST) != key()


_VALUE = st.text("ab\n, :", max_size=3).map(str.encode)
_LINES = st.lists(st.tuples(st.sampled_from([b"authorization", b"cookie"]), _VALUE), min_size=1)


@given(_LINES, _LINES, _VALUE, _VALUE)
def test_no_two_lists_of_lines_share_a_key(
    one: list[Any], other: list[Any], host: bytes, other_host: bytes
) -> None:
    found, other_found = key(lines=one, host=host), key(lines=other, host=other_host)
    if found is None or other_found is None:
        assert b"\n" in host + other_host + b"".join(value for _, value in [*one, *other])
    else:
        same = (one, host.lower()) == (other, other_host.lower())
        assert (found == other_found) is same


@pytest.mark.parametrize("status", [200, 204, 226, 299])
def test_2xx_admits_with_the_fields_to_take_and_the_subject(status: int) -> None:
    fields = [(b"X-User", b"alice"), (b"Set-Cookie", b"a=1"), (b"x-groups", b"a, b")]
    assert judged(SPEC, status, fields) == Admitted("alice", b"X-User: alice\r\nx-groups: a, b\r\n")


def test_who_is_admitted_without_a_name_is_anonymous() -> None:
    assert judged(SPEC, 200, []) == Admitted(NAMELESS, b"")
    assert judged(SPEC, 200, [(b"X-User", b"")]) == Admitted(NAMELESS, b"X-User: \r\n")


@pytest.mark.parametrize(
    "fields",
    [
        [(b"X-User", b"alice"), (b"x-user", b"bob")],
        [(b"X-User", b"\xff")],
        [(b"X-User", b"a" * 257)],
        [(b"X-User", "a\u202eb".encode())],
        [(b"X-User", b"a\x00b")],
        [(b"X-Groups", b"a" * MOST_TAKEN_BYTES)],
        [(b"Other", b"a\rX-User: root")],
        [(b"Content-Encoding", b"gzip")],
    ],
)
def test_an_answer_that_may_not_go_on_decides_nothing(fields: list[Any]) -> None:
    assert isinstance(judged(SPEC, 200, fields), Failed)


@pytest.mark.parametrize("status", [100, 101, 199, 500, 503, 599, 600, 999])
def test_other_statuses_decide_nothing(status: int) -> None:
    assert isinstance(judged(SPEC, status, []), Failed)


@pytest.mark.parametrize("status", [300, 302, 304, 400, 401, 403, 404, 429, 499])
def test_every_other_answer_is_the_clients_without_fields_of_the_connection(status: int) -> None:
    own = [
        (b"WWW-Authenticate", b"Bearer"),
        (b"Set-Cookie", b"a=1"),
        (b"Set-Cookie", b"b=2"),
        (b"Location", b"/log-in"),
    ]
    dropped = [
        (b"Connection", b"close, X-Hop"),
        (b"X-Hop", b"1"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Upgrade", b"h2c"),
        (b"Content-Length", b"7"),
        (b"X-Correlation-ID", b"theirs"),
    ]
    assert judged(SPEC, status, [*dropped, *own]) == Passed(status, tuple(own))


def test_fields_that_hold_no_credential_stay_in_the_request() -> None:
    spec = ForwardSpec("gate", "http://auth", send=frozenset([b"accept", b"cookie", b"x-token"]))
    assert spec.reads == {b"cookie", b"x-token"}


def test_what_an_instance_gets_from_the_service_alone_is_dropped_in_each_spelling() -> None:
    spec = ForwardSpec("gate", "http://auth", take=frozenset([b"x_user", b"x-groups"]))
    assert spec.drops == {b"x-user", b"x-groups"}


def test_scopes_are_separated_by_spaces_or_commas_and_are_taken_for_nothing_else() -> None:
    spec = ForwardSpec("gate", "http://auth", scopes=b"x-roles")
    fields = [(b"X-Roles", b"a:read, b"), (b"x-roles", b"c")]
    assert judged(spec, 200, fields) == Admitted(NAMELESS, b"", frozenset(["a:read", "b", "c"]))
    assert isinstance(judged(spec, 200, [(b"X-Roles", b'"a"')]), Failed)
    assert spec.drops == {b"x-roles"}
