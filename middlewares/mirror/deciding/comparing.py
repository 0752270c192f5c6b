"""Compares the answer that a client got with the answer to the copy of its request."""

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from discovery.base.steps import Steps, slices
from middlewares.mirror.deciding.json_differences import differences
from middlewares.mirror.deciding.pointers import ignoring, pointer_text
from middlewares.mirror.deciding.readable import NOT_JSON, Unread, decoded, is_json, value_of
from middlewares.mirror.deciding.shown import shown, shown_text
from middlewares.mirror.policy import Comparison

FieldLine = tuple[bytes, bytes]

#: What differs: `absent` and `added` members and elements are those of the copy's answer; `body` is one that
#: is JSON in one answer alone, or that is no JSON although its type says so.
Kind = Literal["status", "header", "absent", "added", "type", "value", "body"]
#: A comparison ends after so many differences.
MOST_FOUND = 1000
#: Of two answers so many differences are kept, each at another place.
MOST_KEPT = 50


class Seen(NamedTuple):
    """What is known of an answer; `body` has its coding. None: it was not read, and `unread` says why."""

    status: int
    fields: Sequence[FieldLine]
    body: bytes | None = None
    unread: str = "too_large"


class Found(NamedTuple):
    """One difference: `place` is a header, or a JSON pointer with `*` for indexes of arrays; `at` has the indexes."""

    kind: Kind
    place: str
    at: str
    original: str
    copy: str


class Verdict(NamedTuple):
    """What a comparison found; `unread`: why bodies were not compared, empty if they were or need not be."""

    found: tuple[Found, ...] = ()
    unread: str = ""


def compared(original: Seen, copy: Seen, by: Comparison) -> Steps[Verdict]:
    """Compare the statuses, then headers and bodies; after other statuses those tell nothing more."""
    if original.status != copy.status:
        return Verdict(
            (Found("status", "", "", str(original.status), str(copy.status)),),
        )
    found = [*_headers(original, copy, by)]
    if not by.json or not (is_json(original.fields) or is_json(copy.fields)):
        return Verdict(tuple(found))
    if is_json(original.fields) != is_json(copy.fields):
        found.append(_other_body(original, copy))
        return Verdict(tuple(found))
    bodies: list[bytes] = []
    for seen in (original, copy):
        body = None if seen.body is None else (yield from decoded(seen.fields, seen.body))
        if body is None:
            return Verdict(tuple(found), seen.unread)
        if isinstance(body, Unread):
            return Verdict(tuple(found), body.value)
        bodies.append(body)
    found += yield from _bodies(bodies[0], bodies[1], by)
    return Verdict(tuple(found))


def _bodies(original: bytes, copy: bytes, by: Comparison) -> Steps[list[Found]]:
    if original == copy:
        return []
    one = value_of(original)
    yield
    other = value_of(copy)
    yield
    if one is NOT_JSON or other is NOT_JSON:
        return [Found("body", "", "", _what(one, original), _what(other, copy))]
    found: dict[tuple[str, tuple[str, ...]], Found] = {}
    number = 0
    for some in slices(differences(one, other, ignoring(by.ignored))):
        for difference in some:
            if difference is None:
                continue
            number += 1
            key = (difference.kind, difference.shape)
            if key not in found and len(found) < MOST_KEPT:
                found[key] = Found(
                    difference.kind,
                    pointer_text(difference.shape),
                    pointer_text(difference.tokens),
                    ""
                    if difference.kind == "added"
                    else shown(difference.original, values=by.values),
                    "" if difference.kind == "absent" else shown(difference.copy, values=by.values),
                )
        if number >= MOST_FOUND:
            break
        yield
    return [*found.values()]


def _headers(original: Seen, copy: Seen, by: Comparison) -> Iterator[Found]:
    for name in by.headers:
        one, other = _values(original, name), _values(copy, name)
        if one != other:
            yield Found(
                "header",
                name.decode("ascii"),
                "",
                _header_text(one, by),
                _header_text(other, by),
            )


def _values(seen: Seen, name: bytes) -> list[bytes]:
    return [value for field, value in seen.fields if field.lower() == name]


def _header_text(values: Sequence[bytes], by: Comparison) -> str:
    if not values:
        return ""
    return shown_text(b", ".join(values).decode("latin-1"), values=by.values)


def _other_body(original: Seen, copy: Seen) -> Found:
    """One of the two is JSON."""
    words = ["JSON" if is_json(seen.fields) else "not JSON" for seen in (original, copy)]
    return Found("body", "", "", *words)


def _what(value: object, body: bytes) -> str:
    return f"{len(body)} bytes that are not JSON" if value is NOT_JSON else "JSON"
