"""Which requests are copied, and what their copies keep."""

import pytest

from middlewares.head_changes import FieldEdits, HeadChanges
from middlewares.mirror.deciding.copied import (
    MIRROR_LINE,
    copied_changes,
    copied_fields,
    is_copied,
    is_credential,
)

HOST = (b"Host", b"a.example")


@pytest.mark.parametrize(
    ("field", "trusted", "expected"),
    [
        ((b"Accept", b"application/json"), False, True),
        ((b"accept", b"text/html, Text/Event-Stream;q=0.5"), False, False),
        ((b"UPGRADE", b"websocket"), False, False),
        ((b"X-Lockgate-Mirror", b"1"), False, True),
        ((b"x-lockgate-mirror", b"1"), True, False),
    ],
)
def test_which_requests_are_copied(
    field: tuple[bytes, bytes], trusted: bool, expected: bool
) -> None:
    assert is_copied([HOST, field], trusted=trusted) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"Authorization", True),
        (b"cookie", True),
        (b"X-API-Key", True),
        (b"X_Api_Key", True),
        (b"X-Auth-Subject", True),
        (b"x_auth_anything", True),
        (b"Client-Cert-Chain", True),
        (b"Proxy-Authorization", True),
        (b"X-Author", False),
        (b"Accept", False),
    ],
)
def test_what_says_who_the_client_is(name: bytes, expected: bool) -> None:
    assert is_credential(name) is expected


def test_a_copy_has_all_other_fields_in_their_order() -> None:
    fields = [HOST, (b"Cookie", b"a"), (b"A", b"1"), (b"A", b"2"), (b"X-Lockgate-Mirror", b"0")]
    assert copied_fields(fields, credentials=False) == [HOST, (b"A", b"1"), (b"A", b"2")]
    assert copied_fields(fields, credentials=True) == fields[:-1]


def test_changes_lose_who_the_client_is() -> None:
    identity = b"X-Auth-Subject: me\r\nX-User: me\r\n"
    changes = HeadChanges(
        frozenset([b"x-old"]),
        {b"cookie": b"a=b", b"x-plan": b"gold"},
        identity + b"Authorization: own\r\nX-New: 1\r\n",
    )
    made = copied_changes(changes, identity, credentials=False)
    assert made.removed == {b"x-old"}
    assert made.replaced == {b"x-plan": b"gold"}
    assert made.added == b"X-New: 1\r\n" + MIRROR_LINE


def test_rules_hide_no_line_that_says_who_the_client_is() -> None:
    identity = b"X-Auth-Subject: me\r\nX-User: me\r\nX-Groups: staff\r\n"
    there = FieldEdits(added=((b"X-User", b"me"),), marks=())
    changes = HeadChanges(added=b"X-Auth-Subject: me\r\nX-Groups: staff\r\n", edits=(there,))
    made = copied_changes(changes, identity, credentials=False)
    assert (made.added, made.edits[0].added) == (MIRROR_LINE, ())
    kept = copied_changes(changes, identity, credentials=True)
    assert (kept.added, kept.edits[0].added) == (changes.added + MIRROR_LINE, there.added)


def test_changes_keep_it_where_that_is_allowed() -> None:
    changes = HeadChanges(added=b"X-Auth-Subject: me\r\nX-Lockgate-Mirror: 7\r\n")
    made = copied_changes(changes, b"X-Auth-Subject: me\r\n", credentials=True)
    assert made.added == b"X-Auth-Subject: me\r\n" + MIRROR_LINE


def test_a_copy_is_marked_where_nothing_else_changes() -> None:
    assert copied_changes(None, b"", credentials=False) == HeadChanges(added=MIRROR_LINE)


def test_rules_for_requests_set_no_credential_in_a_copy() -> None:
    edits = FieldEdits(
        {b"x-token": b"Authorization", b"x-old": b"X-New"},
        frozenset([b"x-gone"]),
        {b"cookie": (b"Cookie", b"a=b"), b"x-plan": (b"X-Plan", b"gold")},
        ((b"X_Api_Key", b"k"), (b"X-Lockgate-Mirror", b"7"), (b"X-Seen", b"1")),
    )
    (made,) = copied_changes(HeadChanges(edits=(edits,)), b"", credentials=False).edits
    assert made == FieldEdits(
        {b"x-old": b"X-New"},
        frozenset([b"x-gone", b"x-token"]),
        {b"x-plan": (b"X-Plan", b"gold")},
        ((b"X-Seen", b"1"),),
    )
    (kept,) = copied_changes(HeadChanges(edits=(edits,)), b"", credentials=True).edits
    assert kept.placed == edits.placed
    assert kept.renamed == edits.renamed
