"""Compressed answers beside entity tags and the cache, over a real gateway."""

import asyncio

import pytest

from tests.http.configured.compress.test_answers import JSON, LARGE, TEXT, answer_of, decoded
from tests.http.configured.conftest import StartConfigured
from tests.support.upstreams import Received

FILE = """
    routes:
      - {name: shop, match: {prefix: /}, service: order_service, limits: null, compress: {}}
      - name: kept
        match: {prefix: /kept}
        service: order_service
        limits: null
        compress: {}
        cache: {}
"""
GZIP = "Accept-Encoding: gzip"


async def of_tags(received: Received, writer: asyncio.StreamWriter) -> None:
    """A service that compares as RFC 9110 says: If-None-Match weakly, If-Match strongly."""
    known = [tag for value in received.values(b"if-none-match") for tag in value.split(b", ")]
    wanted = received.values(b"if-match")
    fields = ('ETag: "1"', "Cache-Control: max-age=60", JSON)
    if wanted and wanted != [b'"1"']:
        writer.write(answer_of(b"", status="412 Precondition Failed"))
    elif any(tag.removeprefix(b"W/") == b'"1"' for tag in known):
        writer.write(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')
    else:
        writer.write(answer_of(TEXT, *fields))


@pytest.mark.parametrize("path", ["/", "/kept"])
async def test_a_client_validates_what_it_got_compressed(
    start_configured: StartConfigured, path: str
) -> None:
    configured = await start_configured(FILE, of_tags)
    (tag,) = (await configured.ask(path, GZIP)).values(b"etag")
    assert tag == b'W/"1"'
    answer = await configured.ask(path, GZIP, f"If-None-Match: {tag.decode()}")
    assert answer.status == 304
    # It stays weak, or the client could put parts of two codings together.
    assert answer.values(b"etag") == [tag]
    assert answer.values(b"vary") == [b"Accept-Encoding"]
    assert answer.values(b"content-encoding") == []


@pytest.mark.parametrize("path", ["/", "/kept"])
async def test_a_client_that_got_it_plain_keeps_its_strong_tag(
    start_configured: StartConfigured, path: str
) -> None:
    configured = await start_configured(FILE, of_tags)
    answer = await configured.ask(path, GZIP, 'If-None-Match: "1"')
    assert answer.status == 304
    assert answer.values(b"etag") == [b'"1"']


async def test_a_client_changes_what_it_got_compressed(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, of_tags)
    answer = await configured.ask("/", 'If-Match: W/"1"', method="PUT", body="x")
    assert answer.status == 200
    assert configured.upstream.requests[-1].values(b"if-match") == [b'"1"']
    other = await configured.ask("/", 'If-Match: W/"2"', method="PUT", body="x")
    assert other.status == 412


async def test_what_is_kept_is_compressed_for_each_client_as_it_accepts_it(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(
        FILE, answer_of(LARGE, JSON, "Cache-Control: max-age=60", 'ETag: "1"')
    )
    for accepted in ("gzip", "zstd", "br", "gzip"):
        answer = await configured.ask("/kept", f"Accept-Encoding: {accepted}")
        assert answer.values(b"content-encoding") == [accepted.encode()]
        assert decoded(answer) == LARGE
    plain = await configured.ask("/kept")
    assert plain.body == LARGE
    assert plain.values(b"vary") == [b"Accept-Encoding"]
    assert plain.values(b"etag") == [b'"1"']
    part = await configured.ask("/kept", GZIP, "Range: bytes=0-9")
    assert part.body == LARGE[:10]
    assert part.values(b"content-encoding") == []
    assert len(configured.upstream.requests) == 1
