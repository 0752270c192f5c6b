"""What rules make of the fields of one message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.head_changes import FieldEdits, FieldLine, as_read, edited
from middlewares.transform.deciding.fields import FieldPlan, TooLong, parted
from middlewares.transform.deciding.rules import NamedRules
from middlewares.transform.deciding.variables import Variable, parse_template


class Said:
    def __init__(self, subject: str | None) -> None:
        self.subject = subject

    def value(self, variable: Variable) -> str | None:
        return self.subject if variable.kind == "subject" else None


MOST = 1000
RULES = NamedRules(
    rename=(("X-Old", "X-New"),),
    remove=("X-Debug",),
    set=(("X-Tenant", parse_template("t-{subject}")), ("X-One", parse_template("1"))),
    add=(("X-Seen", parse_template("{subject}")),),
)


def test_values_are_filled_in() -> None:
    assert FieldPlan(RULES).edits(Said("ü\r\n"), MOST) == FieldEdits(
        {b"x-old": b"X-New"},
        frozenset([b"x-debug"]),
        {b"x-tenant": (b"X-Tenant", "t-ü%0D%0A".encode()), b"x-one": (b"X-One", b"1")},
        ((b"X-Seen", "ü%0D%0A".encode()),),
        (b"\r\nx-old:", b"\r\nx-new:", b"\r\nx-debug:", b"\r\nx-tenant:", b"\r\nx-one:"),
    )


def test_names_that_services_read_alike_are_one_in_requests() -> None:
    rules = NamedRules(remove=("X_A",), set=(("X_B", parse_template("1")),))
    edits = FieldPlan(rules, of_requests=True).edits(Said(None), MOST)
    fields = [(b"x-a", b"1"), (b"X_A", b"2"), (b"X-B", b"3"), (b"x_b", b"4")]
    assert edited(fields, edits, as_read) == [(b"X-B", b"1")]
    assert edited(fields, FieldPlan(rules).edits(Said(None), MOST)) == [
        *(fields[0], fields[2]),
        (b"x_b", b"1"),
    ]


def test_what_has_no_value_is_removed_and_not_added() -> None:
    edits = FieldPlan(RULES).edits(Said(None), MOST)
    assert edits.removed == {b"x-debug", b"x-tenant"}
    assert (list(edits.placed), edits.added) == ([b"x-one"], ())


def test_rules_without_variables_are_made_once() -> None:
    plan = FieldPlan(NamedRules(set=RULES.set[1:]))
    assert plan.edits(Said("a"), MOST) is plan.edits(Said("b"), MOST)


def test_a_plan_knows_the_names_that_it_is_about() -> None:
    assert FieldPlan(RULES).names == {b"x-old", b"x-new", b"x-debug", b"x-tenant", b"x-one"}


def test_lines_that_rules_are_about_are_parted_from_others() -> None:
    lines = b"X-Auth-Subject: a\r\nX_User: b\r\n"
    left = b"X-Auth-Subject: a\r\n"
    assert parted(lines, frozenset([b"x-user"])) == (left, ((b"X_User", b"b"),))
    assert parted(lines, frozenset()) == (lines, ())


def test_values_have_a_most_of_bytes() -> None:
    plan = FieldPlan(RULES)
    plan.edits(Said("a" * 498), MOST)
    with pytest.raises(TooLong):
        plan.edits(Said("a" * 499), MOST)


_FIELDS = st.lists(
    st.tuples(st.sampled_from([b"Date", b"x-tenant", b"X-Old", b"A"]), st.binary(max_size=4))
)


@given(
    fields=_FIELDS,
    subject=st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)
def test_no_value_changes_the_number_of_lines(fields: list[FieldLine], subject: str) -> None:
    plan = FieldPlan(RULES)
    made = edited(fields, plan.edits(Said(subject), MOST))
    usual = edited(fields, plan.edits(Said("a"), MOST))
    assert [name for name, _ in made] == [name for name, _ in usual]
    new = [value for name, value in made if name in (b"x-tenant", b"X-Tenant", b"X-Seen")]
    assert not any(set(value) & {0, 10, 13} for value in new)
