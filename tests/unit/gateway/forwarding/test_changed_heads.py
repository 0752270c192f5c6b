"""Heads of answers with other fields, or for another body."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.forwarding.changed_heads import changed_head, edited_head
from gateway.forwarding.plain_answers import PlainAnswers
from gateway.forwarding.responses import response_head
from gateway.upstream.messages import ResponseHead
from middlewares.head_changes import FieldEdits, marks_of

DATE = (b"Date", b"Wed, 01 Jan 2020 00:00:00 GMT")
LENGTH = (b"Content-Length", b"3")
FIELDS = (DATE, LENGTH, (b"ETag", b'"a"'), (b"Connection", b"keep-alive"))


def head(*fields: tuple[bytes, bytes], status: int = 200, length: int | None = 3) -> ResponseHead:
    return ResponseHead(status, b"OK", fields or FIELDS, length)


def sent(made: ResponseHead) -> bytes:
    """The head as a client gets it, by its ready lines and field by field, which must be the same."""
    by_field = response_head(made, (1, 1), b"", careful=True)
    if made.ready_lines:
        assert response_head(made, (1, 1), b"") == by_field
    return by_field


def test_a_head_with_the_same_fields_is_sent_as_it_was() -> None:
    before = head()
    made = changed_head(before, FIELDS, 3, has_other_body=False)
    assert sent(made) == sent(before)
    assert made.ready_lines


def test_a_new_body_has_its_own_length_whatever_the_fields_say() -> None:
    made = changed_head(head(), (*FIELDS, LENGTH), 7, has_other_body=True)
    assert sent(made).count(b"Content-Length") == 1
    assert b"Content-Length: 7\r\n" in sent(made)
    assert made.length == 7


def test_a_body_of_unknown_length_has_none() -> None:
    made = changed_head(head(), FIELDS, None, has_other_body=True)
    assert b"Content-Length" not in sent(made)


@pytest.mark.parametrize(
    "fields", [(DATE,), (DATE, (b"content-length", b"99")), (DATE, LENGTH, LENGTH)]
)
def test_fields_alone_change_no_length(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    made = changed_head(head(), fields, 3, has_other_body=False)
    assert sent(made).lower().count(b"content-length: 3\r\n") == 1
    assert b"99" not in sent(made)


def test_fields_of_one_connection_are_not_sent() -> None:
    fields = (
        *FIELDS,
        (b"Transfer-Encoding", b"chunked"),
        (b"Connection", b"X-Hop"),
        (b"X-Hop", b"1"),
    )
    made = changed_head(head(), fields, 3, has_other_body=False)
    assert not made.ready_lines
    assert b"X-Hop" not in sent(made)
    assert b"Transfer-Encoding" not in sent(made)


def test_no_content_has_no_length() -> None:
    assert b"Content-Length" not in sent(
        changed_head(head(status=204), FIELDS, 3, has_other_body=False)
    )


@pytest.mark.parametrize(
    "field", [(b"X", b"a\r\nY: b"), (b"X Y", b"a"), (b"", b"a"), (b"X", b"\0")]
)
def test_what_is_no_field_is_refused(field: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="no field can be"):
        changed_head(head(), (*FIELDS, field), 3, has_other_body=False)


_LINES = st.lists(
    st.sampled_from(
        [
            *(
                b"X-A: 1",
                b"x-a: 2",
                b"X_A: 3",
                b"X-Powered-By: x",
                b"Set-Cookie: a=1",
                b"ETag: x-a:",
            ),
            *(b"Connection: keep-alive", b"Keep-Alive: timeout=5", b"RateLimit: 1"),
        ]
    ),
    max_size=5,
    unique=True,
)
_NAMES = [b"x-a", b"x-b", b"x-powered-by", b"set-cookie"]
_PLACED = st.sampled_from(_NAMES).map(lambda name: {name: (name.title(), b"new")})
_EDITS = st.builds(
    FieldEdits,
    st.sampled_from([{}, {b"x-a": b"X-B"}, {b"x-none": b"X-A"}]),
    st.frozensets(st.sampled_from(_NAMES), max_size=2),
    st.one_of(st.just({}), _PLACED),
    st.sampled_from([(), ((b"X-Added", b"1"), (b"X-Added", b"2"))]),
    st.none(),
)


@given(fields=_LINES, edits=_EDITS)
def test_the_quick_way_edits_a_head_as_the_other_does(
    fields: list[bytes], edits: FieldEdits
) -> None:
    data = b"\r\n".join((b"HTTP/1.1 200 OK", b"Date: now", *fields, b"Content-Length: 0", b"", b""))
    read = PlainAnswers().read(data)
    assert read is not None
    marks = marks_of([*edits.renamed, *edits.renamed.values(), *edits.removed, *edits.placed])
    quick = edited_head(read[0], edits._replace(marks=marks))
    slow = edited_head(read[0], edits)
    assert sent(quick) == sent(slow)
    assert list(quick.fields) == list(slow.fields)


def test_edits_that_are_about_nothing_there_leave_the_head() -> None:
    edits = FieldEdits({b"x-old": b"X-New"}, frozenset([b"x-debug"]))
    for one in (edits, edits._replace(marks=marks_of([b"x-old", b"x-debug"]))):
        before = head()
        assert edited_head(before, one) is before


def test_a_field_that_is_none_is_refused_in_both_ways() -> None:
    for marks in (None, ()):
        with pytest.raises(ValueError, match="no field"):
            edited_head(head(), FieldEdits(added=((b"X-A", b"1\r\nX-B: 2"),), marks=marks))
