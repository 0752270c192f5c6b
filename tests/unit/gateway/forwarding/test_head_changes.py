"""What the layers take out of a head and put into it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.forwarding.head_changes import changed_lines
from middlewares.head_changes import FieldEdits, HeadChanges, changed_fields, marks_of
from middlewares.header_section import CREDENTIAL_FIELDS

FIELDS = [
    (b"Host", b"a"),
    (b"Authorization", b"Bearer x"),
    (b"X-Note", b"Authorization: Bearer x"),
    (b"x_api_key", b"k"),
    (b"Cookie", b"a=1; s=2"),
]
LINES = b"\r\n".join(b"%b: %b" % field for field in FIELDS)
CREDENTIALS = [b"Authorization: Bearer x", b"x_api_key: k", b"Cookie: a=1; s=2"]


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        (HeadChanges(), [0, 1, 2, 3, 4]),
        (HeadChanges(frozenset([b"authorization"])), [0, 2, 3, 4]),
        (HeadChanges(frozenset([b"authorization", b"x-api-key"])), [0, 2, 4]),
        (HeadChanges(frozenset([b"cookie", b"x-note"])), [0, 1, 3]),
        (HeadChanges(frozenset([b"host"])), [1, 2, 3, 4]),
    ],
)
def test_fields_are_taken_out_in_any_spelling(changes: HeadChanges, left: list[int]) -> None:
    kept = [FIELDS[one] for one in left]
    assert list(changed_fields(FIELDS, changes)) == kept
    lines = b"\r\n".join(b"%b: %b" % field for field in kept)
    assert changed_lines(LINES, CREDENTIALS, changes) == lines


def test_a_value_is_replaced_where_it_stands_and_only_once() -> None:
    changes = HeadChanges(replaced={b"cookie": b"a=1"})
    assert list(changed_fields([*FIELDS, (b"Cookie", b"b=1")], changes)) == [
        *FIELDS[:4],
        (b"Cookie", b"a=1"),
    ]
    assert changed_lines(LINES, CREDENTIALS, changes).endswith(b"\r\nCookie: a=1")


#: As a plain head may have them: each credential once, and in no spelling with `_`.
NAMES = st.sampled_from([b"Authorization", b"X-API-Key", b"cOOKIE", b"A", b"Authorization2"])
VALUES = st.sampled_from([b"x", b"Authorization: x", b"k", b"x\t: y"])


@given(
    fields=st.lists(
        st.tuples(NAMES, VALUES), min_size=1, max_size=8, unique_by=lambda field: field[0]
    ),
    removed=st.frozensets(st.sampled_from(CREDENTIAL_FIELDS)),
)
def test_the_quick_way_takes_out_what_the_other_does(
    fields: list[tuple[bytes, bytes]], removed: frozenset[bytes]
) -> None:
    lines = {name.lower(): b"%b: %b" % (name, value) for name, value in fields}
    found = [lines.get(name, b"") for name in CREDENTIAL_FIELDS]
    changes = HeadChanges(removed)
    kept = [b"%b: %b" % field for field in changed_fields(fields, changes)]
    assert changed_lines(b"\r\n".join(lines.values()), found, changes) == b"\r\n".join(kept)


EDITS = st.sampled_from(
    [
        FieldEdits(added=((b"X-Seen", b"1"), (b"X-Seen", b"2"))),
        FieldEdits({b"a": b"B"}, frozenset([b"authorization2"]), {b"x-new": (b"X-New", b"1")}),
        FieldEdits(placed={b"authorization": (b"Authorization", b"ours")}),
        FieldEdits(removed=frozenset([b"x-none"])),
        FieldEdits(removed=frozenset([b"x-none"]), marks=marks_of([b"x-none"])),
        FieldEdits(placed={b"a": (b"A", b"9")}, added=((b"C", b"1"),), marks=marks_of([b"a"])),
        FieldEdits(added=((b"C", b"1"),), marks=()),
        FieldEdits(
            {b"a": b"Authorization2", b"authorization2": b"A"},
            frozenset([b"cookie"]),
            {b"host": (b"Host", b"b")},
            marks=marks_of([b"a", b"authorization2", b"cookie", b"host"]),
        ),
        FieldEdits(
            {b"a": b"B"},
            frozenset([b"host", b"x-api-key"]),
            {b"authorization": (b"Authorization", b"ours")},
            ((b"D", b"1"),),
            marks_of([b"a", b"b", b"host", b"x-api-key", b"authorization"]),
        ),
    ]
)


@given(
    fields=st.lists(
        st.tuples(NAMES, VALUES), min_size=1, max_size=8, unique_by=lambda field: field[0]
    ),
    removed=st.frozensets(st.sampled_from(CREDENTIAL_FIELDS)),
    edits=st.lists(EDITS, max_size=2).map(tuple),
)
def test_lines_and_fields_are_edited_alike(
    fields: list[tuple[bytes, bytes]],
    removed: frozenset[bytes],
    edits: tuple[FieldEdits, ...],
) -> None:
    fields = [(b"Host", b"a"), *fields]
    credentials = [
        next((b"%b: %b" % one for one in fields if one[0].lower() == name), b"")
        for name in CREDENTIAL_FIELDS
    ]
    changes = HeadChanges(removed, edits=edits)
    lines = b"\r\n".join(b"%b: %b" % field for field in fields)
    kept = [b"%b: %b" % field for field in changed_fields(fields, changes)]
    assert changed_lines(lines, credentials, changes) == b"\r\n".join(kept)
