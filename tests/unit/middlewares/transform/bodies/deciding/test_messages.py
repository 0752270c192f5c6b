"""What the fields of messages say of their bodies."""

import pytest

from middlewares.transform.bodies.deciding.messages import (
    Kind,
    asked_codings,
    changed_fields,
    described,
)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"application/json", Kind.WHOLE),
        (b"Application/JSON ; charset=utf-8", Kind.WHOLE),
        (b"application/problem+json", Kind.WHOLE),
        (b"application/vnd.x.y+json;v=2", Kind.WHOLE),
        (b"text/json", Kind.WHOLE),
        (b"application/x-ndjson", Kind.LINES),
        (b"application/jsonl; charset=utf-8", Kind.LINES),
        (b"application/stream+json", Kind.LINES),
        (b"text/event-stream", Kind.EVENTS),
        (b"multipart/byteranges; boundary=x", Kind.PARTS),
        (b"application/json5", None),
        (b"text/html", None),
        (b"application/xml+jsonx", None),
        (b"", None),
    ],
)
def test_types(value: bytes, kind: Kind | None) -> None:
    assert described([(b"X", b"y"), (b"content-type", value)]).kind is kind


def test_one_of_two_types_is_enough() -> None:
    twice = [(b"Content-Type", b"text/plain"), (b"content-type", b"application/json")]
    assert described(twice).kind is Kind.WHOLE
    assert described([]) == (None, b"", False, True)
    assert described([(b"Content-Type", b"text/html")]) == (None, b"", True, True)


@pytest.mark.parametrize(
    ("charset", "is_utf8"),
    [
        (b"", True),
        (b";charset=utf-8", True),
        (b'; v=1; Charset="UTF-8"', True),
        (b"; charset=us-ascii", True),
        (b"; charset=ISO-8859-1", True),
        (b";", True),
        (b"; charset=utf-7", False),
        (b"; charset=utf-16le", False),
        (b'; charset="utf-7"', False),
        (b'; charset="utf\\-7"', False),
        (b"; charset = utf-7", False),
        (b"; charset=utf-8; charset=utf-7", False),
        (b"; charset*=utf-8''utf-7", False),
        (b"; charset*0=utf-7", False),
    ],
)
def test_a_charset_that_could_hide_names_is_seen(charset: bytes, is_utf8: bool) -> None:
    said = described([(b"Content-Type", b"application/json" + charset)])
    assert (said.kind, said.is_utf8) == (Kind.WHOLE, is_utf8)


def test_codings() -> None:
    assert described([]).coding == b""
    assert described([(b"Content-Encoding", b" Identity ")]).coding == b""
    assert described([(b"content-encoding", b"GZIP")]).coding == b"gzip"
    assert described([(b"Content-Encoding", b"identity, GZip ,")]).coding == b"gzip"
    assert described([(b"Content-Encoding", b"identity")] * 2).coding == b""
    twice = [(b"Content-Encoding", b"gzip"), (b"Content-Encoding", b"br")]
    assert described(twice).coding == b"gzip,br"


def test_fields_of_a_changed_answer() -> None:
    fields = [
        (b"ETag", b'"a"'),
        (b"Content-Length", b"3"),
        (b"Repr-Digest", b"sha-256=:x:"),
        (b"Content-MD5", b"x"),
        (b"Accept-Ranges", b"bytes"),
        (b"Content-Encoding", b"gzip"),
        (b"X-Digest", b"stays"),
    ]
    kept = [(b"ETag", b'W/"a"'), (b"Content-Encoding", b"gzip"), (b"X-Digest", b"stays")]
    assert changed_fields(fields, decoded=False) == kept
    assert changed_fields(fields, decoded=True) == [kept[0], kept[2]]
    assert changed_fields([(b"ETag", b'W/"a"')], decoded=False) == [(b"ETag", b'W/"a"')]


@pytest.mark.parametrize(
    ("accepted", "asked"),
    [
        (b"gzip, deflate, br, zstd", b"gzip, deflate, br, zstd"),
        (b"gzip;q=0.5, compress, *;q=0.1", b"gzip;q=0.5"),
        (b"dcb, *", b"identity"),
        (b"", b"identity"),
        (b"identity;q=0, GZIP", b"identity;q=0, GZIP"),
    ],
)
def test_only_codings_that_are_read_are_asked_for(accepted: bytes, asked: bytes) -> None:
    assert asked_codings(accepted) == asked
