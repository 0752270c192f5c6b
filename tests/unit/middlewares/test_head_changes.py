"""Rules edit fields; what they are not about stays as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.head_changes import (
    FieldEdits,
    FieldLine,
    HeadChanges,
    as_read,
    changed_fields,
    edited,
    merged,
    without_named,
)

FIELDS: list[FieldLine] = [(b"Host", b"h"), (b"x-a", b"1"), (b"X-B", b"2"), (b"X-A", b"3")]


@pytest.mark.parametrize(
    ("edits", "made"),
    [
        (FieldEdits(), FIELDS),
        (FieldEdits(removed=frozenset([b"x-a"])), [FIELDS[0], FIELDS[2]]),
        (
            FieldEdits(renamed={b"x-a": b"X-C"}),
            [FIELDS[0], (b"X-C", b"1"), FIELDS[2], (b"X-C", b"3")],
        ),
        # What had the new name goes.
        (FieldEdits(renamed={b"x-a": b"X-B"}), [FIELDS[0], (b"X-B", b"1"), (b"X-B", b"3")]),
        (FieldEdits(renamed={b"x-none": b"X-B"}), FIELDS),
        # All at once.
        (
            FieldEdits(renamed={b"x-a": b"X-B", b"x-b": b"X-A"}),
            [FIELDS[0], (b"X-B", b"1"), (b"X-A", b"2"), (b"X-B", b"3")],
        ),
        # In the place of the first one, and in its spelling.
        (
            FieldEdits(placed={b"x-a": (b"X-A", b"9")}),
            [FIELDS[0], (b"x-a", b"9"), FIELDS[2]],
        ),
        (FieldEdits(placed={b"x-c": (b"X-C", b"9")}), [*FIELDS, (b"X-C", b"9")]),
        (FieldEdits(added=((b"x-a", b"9"),)), [*FIELDS, (b"x-a", b"9")]),
        # What is set or removed may have got its name just now.
        (
            FieldEdits({b"x-b": b"X-C"}, frozenset([b"x-a"]), {b"x-c": (b"X-C", b"9")}),
            [FIELDS[0], (b"X-C", b"9")],
        ),
    ],
)
def test_fields_are_edited_in_a_stated_order(edits: FieldEdits, made: list[FieldLine]) -> None:
    assert edited(FIELDS, edits) == made


def test_a_name_that_is_read_alike_goes_too() -> None:
    fields = [(b"X_A", b"1"), (b"x_b", b"2"), (b"X_C", b"3"), (b"X-D", b"4")]
    edits = FieldEdits({b"x-d": b"X-C"}, frozenset([b"x-b"]), {b"x-a": (b"X-A", b"9")})
    assert edited(fields, edits, as_read) == [(b"X-A", b"9"), (b"X-C", b"4")]


def test_rules_come_after_what_other_layers_take_out() -> None:
    auth = HeadChanges(frozenset([b"authorization"]), {b"x-b": b"8"})
    rules = HeadChanges(
        edits=(
            FieldEdits({b"authorization": b"X-Token"}, placed={b"x-b": (b"X-B", b"9")}),
            FieldEdits(placed={b"authorization": (b"Authorization", b"ours")}),
        )
    )
    fields = [*FIELDS, (b"Authorization", b"theirs")]
    made = changed_fields(fields, merged(auth, rules))
    assert list(made) == [
        *(FIELDS[0], FIELDS[1], (b"X-B", b"9"), FIELDS[3]),
        (b"Authorization", b"ours"),
    ]


@pytest.mark.parametrize(
    ("connection", "left"),
    [
        (b"close", [b"close"]),
        (b"keep-alive, X-A", [b"keep-alive"]),
        (b"x-a", []),
        (b", close ,,X-A", [b"close"]),
        (b"Upgrade, connection", [b"Upgrade, connection"]),
    ],
)
def test_what_connection_names_goes_with_its_name(connection: bytes, left: list[bytes]) -> None:
    fields = [(b"X-A", b"1"), (b"Connection", connection), (b"X-B", b"2")]
    made = without_named(fields)
    assert [value for name, value in made if name == b"Connection"] == left
    assert (b"X-B", b"2") in made
    assert ((b"X-A", b"1") in made) is (b"x-a" not in connection.lower())


_NAMES = st.sampled_from([b"A", b"a", b"B", b"X-C", b"x-d", b"Host"])
_FIELDS = st.lists(st.tuples(_NAMES, st.binary(max_size=3)), max_size=8)


@given(fields=_FIELDS)
def test_rules_about_other_names_change_nothing(fields: list[FieldLine]) -> None:
    edits = FieldEdits({b"x-old": b"B"}, frozenset([b"x-debug"]))
    assert edited(fields, edits) == fields


@given(fields=_FIELDS)
def test_what_is_set_to_what_it_is_changes_nothing(fields: list[FieldLine]) -> None:
    values = dict(fields)
    once = {
        name: value
        for name, value in fields
        if [n.lower() for n, _ in fields].count(name.lower()) == 1
    }
    edits = FieldEdits(placed={name.lower(): (name, values[name]) for name in once})
    assert edited(fields, edits) == fields


@given(
    fields=_FIELDS.map(lambda fields: [field for field in fields if field[0].lower() != b"x-new"])
)
def test_the_inverse_of_a_rename_is_a_rename_back(fields: list[FieldLine]) -> None:
    """But for the case of the name, which the rule says."""
    there = edited(fields, FieldEdits({b"a": b"X-New"}))
    back = edited(there, FieldEdits({b"x-new": b"A"}))
    assert back == [(b"A" if name == b"a" else name, value) for name, value in fields]
    assert len(there) == len(fields)
