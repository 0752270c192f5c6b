"""The trace that a request belongs to (W3C Trace Context §3.2)."""

import pytest

from middlewares.header_section import HeaderSection
from middlewares.trace_context import trace_id_of

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = b"00f067aa0ba902b7"
PARENT = b"00-%b-%b-01" % (TRACE, SPAN)


@pytest.mark.parametrize(
    "parent",
    [
        PARENT,
        b"00-%b-%b-ff" % (TRACE, SPAN),
        b"01" + PARENT[2:],
        b"fe" + PARENT[2:] + b"-what.Comes later",
        b"cc" + PARENT[2:] + b"-",
    ],
)
def test_a_valid_parent_names_its_trace(parent: bytes) -> None:
    assert trace_id_of([parent]) == TRACE.decode()


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        b"x",
        b"00-" + TRACE,
        PARENT.upper(),
        b"ff" + PARENT[2:],
        b"0g" + PARENT[2:],
        PARENT + b"-x",
        PARENT + b"-",
        PARENT + b"0",
        PARENT + b"\n",
        b"01" + PARENT[2:] + b"x",
        b"01" + PARENT[2:] + b"0-x",
        PARENT[:-1] + b"g",
        b"00-%b-%b-01" % (b"0" * 32, SPAN),
        b"00-%b-%b-01" % (TRACE, b"0" * 16),
        PARENT.replace(b"-", b"_"),
    ],
)
def test_anything_else_names_none(parent: bytes) -> None:
    assert trace_id_of([parent]) is None


def test_two_parents_are_none() -> None:
    assert trace_id_of([PARENT, PARENT]) is None


def test_the_name_of_the_field_has_no_case() -> None:
    assert HeaderSection(((b"TraceParent", PARENT),)).trace_id == TRACE.decode()
    assert HeaderSection(((b"traceparent", PARENT), (b"Traceparent", PARENT))).trace_id is None
    assert HeaderSection(((b"Other", PARENT),)).trace_id is None
