"""Which answers of a service are compressed over a real gateway, and what their heads say."""

import asyncio

import pytest

from middlewares.codings import Decoder
from tests.http.configured.conftest import StartConfigured
from tests.support.raw_clients import RawAnswer, RawClient
from tests.support.upstreams import Received

FILE = """
    routes:
      - {name: shop, match: {prefix: /}, service: order_service, limits: null, compress: {}}
      - {name: plain, match: {prefix: /plain}, service: order_service, limits: null}
      - name: events
        match: {prefix: /events}
        service: order_service
        limits: null
        compress: {event_streams: true}
"""
TEXT = b"".join(b'{"line": %d, "text": "goes on"}\n' % number for number in range(100))
LARGE = TEXT * 100


def answer_of(body: bytes, *fields: str, status: str = "200 OK", chunked: bool = False) -> bytes:
    """An instance's answer: in one piece, or in chunks with a trailer."""
    if chunked:
        framing = ("Transfer-Encoding: chunked", "Trailer: X-Sum")
        middle = len(body) // 2
        pieces = (body[:middle], body[middle:])
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        body += b"0\r\nX-Sum: 1\r\nRepr-Digest: sha-256=:x:\r\n\r\n"
    else:
        framing = (f"Content-Length: {len(body)}",)
    head = "\r\n".join((f"HTTP/1.1 {status}", *fields, *framing, "", ""))
    return head.encode() + body


def decoded(answer: RawAnswer) -> bytes:
    (coding,) = answer.values(b"content-encoding")
    decoder = Decoder(coding)
    body = b"".join(decoder.slices(answer.body))
    decoder.end()
    return body


JSON = "Content-Type: application/json"


@pytest.mark.parametrize("accepted", ["gzip", "zstd", "br"])
@pytest.mark.parametrize(
    ("body", "chunked"), [(TEXT, False), (LARGE, False), (LARGE, True), (b"xy", True)]
)
async def test_a_body_is_compressed_as_the_client_accepts_it(
    start_configured: StartConfigured, accepted: str, body: bytes, chunked: bool
) -> None:
    configured = await start_configured(FILE, answer_of(body, JSON, chunked=chunked))
    answer = await configured.ask("/", f"Accept-Encoding: {accepted}")
    assert answer.values(b"content-encoding") == [accepted.encode()]
    assert decoded(answer) == body
    assert answer.complete
    if len(body) > 2:
        assert len(answer.body) < len(body) / 2
    # A short body of known length has a length again.
    assert bool(answer.values(b"content-length")) is (body is TEXT)


async def test_the_head_says_what_is_true_of_the_compressed_body(
    start_configured: StartConfigured,
) -> None:
    fields = (
        JSON,
        'ETag: "1"',
        "Accept-Ranges: bytes",
        "Content-Digest: sha-256=:x:",
        "Vary: Origin",
    )
    configured = await start_configured(FILE, answer_of(TEXT, *fields))
    answer = await configured.ask("/", "Accept-Encoding: gzip")
    assert answer.values(b"etag") == [b'W/"1"']
    assert answer.values(b"accept-ranges") == answer.values(b"content-digest") == []
    assert answer.values(b"vary") == [b"Origin", b"Accept-Encoding"]
    assert answer.values(b"content-length") == [b"%d" % len(answer.body)]
    plain = await configured.ask("/", "Accept-Encoding: identity")
    assert plain.body == TEXT
    assert plain.values(b"etag") == [b'"1"']
    assert plain.values(b"accept-ranges") == [b"bytes"]
    assert plain.values(b"content-digest") == [b"sha-256=:x:"]
    assert plain.values(b"vary") == [b"Origin", b"Accept-Encoding"]


@pytest.mark.parametrize(
    ("fields", "status", "body"),
    [
        ((JSON, "Content-Encoding: x-own"), "200 OK", TEXT),
        ((JSON, "Content-Encoding: identity"), "200 OK", TEXT),
        ((JSON, "Cache-Control: public, no-transform"), "200 OK", TEXT),
        (("Content-Type: image/png",), "200 OK", TEXT),
        ((), "200 OK", TEXT),
        ((JSON,), "200 OK", TEXT[:1024]),
        ((JSON, "Content-Range: bytes 0-9/10"), "416 Range Not Satisfiable", TEXT),
    ],
)
async def test_other_answers_pass_byte_by_byte(
    start_configured: StartConfigured, fields: tuple[str, ...], status: str, body: bytes
) -> None:
    configured = await start_configured(FILE, answer_of(body, *fields, 'ETag: "1"', status=status))
    answer = await configured.ask("/", "Accept-Encoding: gzip")
    assert answer.body == body
    assert answer.values(b"vary") == []
    assert answer.values(b"etag") == [b'"1"']


async def test_a_part_stays_as_it_is_and_says_that_the_whole_varies(
    start_configured: StartConfigured,
) -> None:
    part = (JSON, "Content-Range: bytes 0-3299/9999", 'ETag: "1"')
    configured = await start_configured(FILE, answer_of(TEXT, *part, status="206 Partial Content"))
    answer = await configured.ask("/", "Accept-Encoding: gzip", "Range: bytes=0-3299")
    assert answer.body == TEXT
    assert answer.values(b"etag") == [b'"1"']
    assert answer.values(b"vary") == [b"Accept-Encoding"]


async def test_a_request_with_no_transform_gets_the_body_as_it_is(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, answer_of(TEXT, JSON))
    answer = await configured.ask("/", "Accept-Encoding: gzip", "Cache-Control: no-transform")
    assert answer.body == TEXT
    assert answer.values(b"vary") == [b"Accept-Encoding"]


async def test_another_route_compresses_nothing(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, answer_of(TEXT, JSON))
    answer = await configured.ask("/plain", "Accept-Encoding: gzip")
    assert answer.body == TEXT
    assert answer.values(b"vary") == []


async def test_the_head_of_head_is_that_of_get(start_configured: StartConfigured) -> None:
    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        whole = answer_of(LARGE, JSON, 'ETag: "1"', "Accept-Ranges: bytes", "Date: today")
        is_head = received.head.startswith(b"HEAD")
        writer.write(whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if is_head else whole)

    configured = await start_configured(FILE, answer)
    heads = []
    async with await RawClient.connect(configured.gateway.port) as client:
        for method in ("HEAD", "GET", "HEAD"):
            await client.send(
                f"{method} / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n".encode()
            )
            got = await client.answer(to_head=method == "HEAD")
            heads.append(
                {
                    name: got.values(name)
                    for name in (
                        b"etag",
                        b"vary",
                        b"accept-ranges",
                        b"content-encoding",
                        b"content-length",
                    )
                }
            )
    assert heads[0] == heads[1] == heads[2]
    assert heads[0][b"content-encoding"] == [b"gzip"]


async def test_trailers_stay_but_for_digests(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, answer_of(LARGE, JSON, chunked=True))
    async with await RawClient.connect(configured.gateway.port) as client:
        request = b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nTE: trailers\r\nConnection: close\r\n\r\n"
        await client.send(request)
        data = await client.reader.read()
    while not data.endswith(b"\r\n\r\n"):
        data += await client.reader.read()
    assert data.endswith(b"\r\n0\r\nX-Sum: 1\r\n\r\n")


async def test_a_body_that_breaks_off_breaks_off_for_the_client(
    start_configured: StartConfigured,
) -> None:
    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(answer_of(LARGE, JSON)[:-1])

    configured = await start_configured(FILE, answer)
    answer_got = await configured.ask("/", "Accept-Encoding: gzip")
    assert not answer_got.complete


async def test_an_event_stream_passes_or_each_event_is_flushed(
    start_configured: StartConfigured,
) -> None:
    goes_on = asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        writer.write(head + b"data: 1\n\n")
        await goes_on.wait()
        writer.write(b"data: 2\n\n")

    configured = await start_configured(FILE, answer)
    for path, coding in (("/", b""), ("/events", b"gzip")):
        goes_on.clear()
        async with await RawClient.connect(configured.gateway.port) as client:
            request = f"GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"
            await client.send(request.encode())
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert (b"Content-Encoding" in head) is bool(coding)
            decoder = Decoder(coding) if coding else None
            events = b""
            while b"data: 1\n\n" not in events:
                size = int(await client.reader.readuntil(b"\r\n"), 16)
                piece = await client.reader.readexactly(size + 2)
                events += b"".join(decoder.slices(piece[:-2])) if decoder else piece
            goes_on.set()
            rest = await client.reader.readuntil(b"\r\n0\r\n\r\n")
            assert rest


async def test_what_a_slow_service_has_sent_comes_before_it_sends_more(
    start_configured: StartConfigured,
) -> None:
    goes_on = asyncio.Event()

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n{}\n")
        await goes_on.wait()

    configured = await start_configured(FILE, answer)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
        await client.reader.readuntil(b"\r\n\r\n")
        decoder, came = Decoder(b"gzip"), b""
        while came != b"{}\n":
            size = int(await client.reader.readuntil(b"\r\n"), 16)
            came += b"".join(decoder.slices((await client.reader.readexactly(size + 2))[:-2]))
        goes_on.set()
        await client.reader.readuntil(b"\r\n0\r\n\r\n")


async def test_the_gateways_own_answer_is_compressed(start_configured: StartConfigured) -> None:
    text = "here " * 500
    configured = await start_configured(
        f"""
        defaults: {{compress: {{}}}}
        routes:
          - name: own
            match: {{prefix: /own}}
            limits: null
            respond: {{body: "{text}", headers: {{ETag: '"1"', Content-Type: text/plain}}}}
          - name: off
            match: {{prefix: /off}}
            limits: null
            respond: {{body: "{text}"}}
            compress: null
        """
    )
    answer = await configured.ask("/own", "Accept-Encoding: gzip")
    assert decoded(answer) == text.encode()
    assert answer.values(b"etag") == [b'W/"1"']
    assert answer.values(b"content-type") == [b"text/plain"]
    assert answer.values(b"content-length") == [b"%d" % len(answer.body)]
    assert answer.values(b"vary") == [b"Accept-Encoding"]
    plain = await configured.ask("/own")
    assert plain.body == text.encode()
    assert plain.values(b"vary") == [b"Accept-Encoding"]
    off = await configured.ask("/off", "Accept-Encoding: gzip")
    assert off.body == text.encode()
    assert off.values(b"vary") == []


async def test_a_discovered_route_compresses_by_its_service(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(
        "services: {order_service: {compress: {encodings: [gzip], level: {gzip: 1}}}}",
        answer_of(TEXT, JSON),
    )
    answer = await configured.ask("/api/order_service", "Accept-Encoding: zstd, gzip;q=0.1")
    assert decoded(answer) == TEXT
