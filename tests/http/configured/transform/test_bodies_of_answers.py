"""Rules for the JSON in answers, from outside: what the client gets of what the service says."""

import asyncio
import gzip
import json
import zlib

import pytest

from middlewares.codings import Decoder, encoder
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.raw_clients import RawAnswer, RawClient
from tests.support.upstreams import Received

BODY = b'{"usr": {"id": 1.0}, "internal": {"cost": 1e400}, "usr": 9007199254740993}'
CHANGED = b'{"user": {"id": 1.0}, "user": 9007199254740993}'
RULES = "[{remove: /internal}, {rename: [/usr, /user]}]"


def file_of(rules: str = RULES, more: str = "", route: str = "") -> str:
    return f"""
        defaults: {{limits: null}}
        routes:
          - name: r
            match: {{prefix: /}}
            service: order_service
            response: {{json: {rules}{more}}}
            {route}
    """


def answer_of(
    body: bytes, *fields: str, kind: str = "application/json", status: str = "200 OK"
) -> bytes:
    lines = "".join(f"{one}\r\n" for one in (f"Content-Type: {kind}", *fields))
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def coded(coding: str, body: bytes) -> bytes:
    made = encoder(coding.encode())
    return made.feed(body) + made.finish()


def decoded(answer: RawAnswer) -> bytes:
    (coding,) = answer.values(b"Content-Encoding")
    decoder = Decoder(coding)
    body = b"".join(decoder.slices(answer.body))
    decoder.end()
    return body


async def ask(start: StartConfigured, answer: object, file: str, *fields: str) -> RawAnswer:
    return await (await start(file, answer)).ask("/", *fields)


@pytest.mark.parametrize("kind", ["application/json", "application/problem+json; charset=utf-8"])
@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "205 Reset Content"])
async def test_a_body_is_changed_and_its_length_is_right(
    start_configured: StartConfigured, kind: str, status: str
) -> None:
    answer = await ask(start_configured, answer_of(BODY, kind=kind, status=status), file_of())
    assert answer.body == CHANGED
    assert answer.values(b"Content-Length") == [b"%d" % len(CHANGED)]
    assert answer.values(b"Transfer-Encoding") == []


async def test_a_body_in_chunks_is_changed(start_configured: StartConfigured) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % one for one in BODY) + b"0\r\n\r\n"
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    answer = await ask(start_configured, head + chunks, file_of())
    assert answer.body == CHANGED
    assert answer.values(b"Content-Length") == [b"%d" % len(CHANGED)]


async def test_fields_that_are_not_true_any_more_go(start_configured: StartConfigured) -> None:
    fields = ('ETag: "a"', "Repr-Digest: sha-256=:x:", "Content-Digest: sha-256=:x:", "Digest: x",
              "Content-MD5: x", "Accept-Ranges: bytes", "X-Other: 1")  # fmt: skip
    answer = await ask(start_configured, answer_of(BODY, *fields), file_of())
    assert answer.values(b"ETag") == [b'W/"a"']
    names = {name.lower() for name, _ in answer.fields}
    assert not names & {
        b"repr-digest",
        b"content-digest",
        b"digest",
        b"content-md5",
        b"accept-ranges",
    }
    assert answer.values(b"X-Other") == [b"1"]


async def test_an_answer_that_no_rule_touches_stays_as_it_is(
    start_configured: StartConfigured,
) -> None:
    body = b'{ "a": 1.0 ,"b":[ ] }\r\n'
    fields = ('ETag: "a"', "Repr-Digest: sha-256=:x:", "Accept-Ranges: bytes")
    answer = await ask(start_configured, answer_of(body, *fields), file_of())
    assert answer.body == body
    assert answer.values(b"ETag") == [b'"a"']
    assert answer.values(b"Repr-Digest") == [b"sha-256=:x:"]
    assert answer.values(b"Content-Length") == [b"%d" % len(body)]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "br"])
async def test_a_coding_is_undone_and_redone(
    start_configured: StartConfigured, coding: str
) -> None:
    sent = answer_of(coded(coding, BODY), f"Content-Encoding: {coding}")
    configured = await start_configured(file_of(), sent)
    answer = await configured.ask("/", f"Accept-Encoding: {coding}")
    assert decoded(answer) == CHANGED
    assert answer.values(b"Content-Length") == [b"%d" % len(answer.body)]
    assert configured.upstream.requests[-1].values(b"Accept-Encoding") == [coding.encode()]


async def test_a_coding_is_left_where_nothing_changes(start_configured: StartConfigured) -> None:
    body = gzip.compress(b'{"a":1}')
    answer = await ask(start_configured, answer_of(body, "Content-Encoding: gzip"), file_of())
    assert answer.body == body


async def test_plain_answers_are_asked_for(start_configured: StartConfigured) -> None:
    sent = answer_of(gzip.compress(BODY), "Content-Encoding: gzip")
    configured = await start_configured(file_of(more=", encoded: plain"), sent)
    answer = await configured.ask("/", "Accept-Encoding: gzip")
    assert answer.body == CHANGED
    assert answer.values(b"Content-Encoding") == []
    assert configured.upstream.requests[-1].values(b"Accept-Encoding") == [b"identity"]


async def test_encoded_answers_pass_where_they_are_skipped(
    start_configured: StartConfigured,
) -> None:
    body = gzip.compress(BODY)
    sent = answer_of(body, "Content-Encoding: gzip")
    answer = await ask(start_configured, sent, file_of(more=", encoded: skip, json_errors: refuse"))
    assert answer.body == body


async def test_only_codings_that_are_read_are_asked_for(start_configured: StartConfigured) -> None:
    configured = await start_configured(file_of(), answer_of(BODY))
    await configured.ask("/", "Accept-Encoding: dcb, gzip;q=0.5", "Accept-Encoding: *")
    assert configured.upstream.requests[-1].values(b"Accept-Encoding") == [b"gzip;q=0.5"]


BOMB = coded("gzip", b'{"internal":"' + b"x" * 10_000_000 + b'"}')
NOT_CHANGED = {
    "no JSON": answer_of(b'{"internal": 1'),
    "no UTF-8": answer_of(b'{"internal": "\xff"}'),
    "too large": answer_of(b'{"internal":1,"a":"' + b"x" * 1_100_000 + b'"}'),
    "a bomb": answer_of(BOMB, "Content-Encoding: gzip"),
    "not its coding": answer_of(BODY, "Content-Encoding: gzip"),
    "cut off": answer_of(gzip.compress(BODY)[:-1], "Content-Encoding: gzip"),
    "unknown coding": answer_of(BODY, "Content-Encoding: compress"),
    "two codings": answer_of(gzip.compress(gzip.compress(BODY)), "Content-Encoding: gzip, gzip"),
    "a part": answer_of(BODY[:9], "Content-Range: bytes 0-8/76", status="206 Partial Content"),
    "parts": answer_of(
        b'--x\r\n\r\n{"internal":1}\r\n--x--',
        kind="multipart/byteranges; boundary=x",
        status="206 Partial Content",
    ),
    "UTF-7": answer_of(b'{"+AGk-nternal":1}', kind="application/json; charset=utf-7"),
    "too many levels": answer_of(b'{"internal":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
}


@pytest.mark.parametrize("name", NOT_CHANGED)
async def test_what_can_not_be_changed_passes_or_is_refused(
    start_configured: StartConfigured, name: str
) -> None:
    sent = NOT_CHANGED[name]
    head, _, body = sent.partition(b"\r\n\r\n")
    passes = await ask(start_configured, sent, file_of())
    assert passes.body == body
    assert passes.status == int(head.split(b" ")[1])
    refused = await ask(start_configured, sent, file_of(more=", json_errors: refuse"))
    assert refused.status == 502
    problem = json.loads(refused.body)
    assert problem["reason"] == "transform_failed"
    assert b"internal" not in refused.body


async def test_a_large_body_without_a_length_passes_or_is_refused(
    start_configured: StartConfigured,
) -> None:
    body = b'{"internal":1,"a":"' + b"x" * 1_500_000 + b'"}'
    sent = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + body
    assert (await ask(start_configured, sent, file_of())).body == body
    refused = await ask(start_configured, sent, file_of(more=", json_errors: refuse"))
    assert refused.status == 502


async def test_a_body_of_a_megabyte_is_changed(start_configured: StartConfigured) -> None:
    items = ",".join(f'{{"id":{one},"secret":"s"}}' for one in range(30_000))
    body = f'{{"items":[{items}]}}'.encode()
    assert 700_000 < len(body) < 1_048_576
    answer = await ask(start_configured, answer_of(body), file_of("[{remove: /items/*/secret}]"))
    assert answer.body == body.replace(b',"secret":"s"', b"")


async def test_an_empty_body_stays_empty(start_configured: StartConfigured) -> None:
    for sent in (answer_of(b""), b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"):
        answer = await ask(start_configured, sent, file_of(more=", json_errors: refuse"))
        assert (answer.status, answer.body) == (200, b"")


async def test_bodies_of_other_types_pass(start_configured: StartConfigured) -> None:
    for kind in ("text/html", "application/octet-stream"):
        sent = answer_of(BODY, 'ETag: "a"', kind=kind)
        answer = await ask(start_configured, sent, file_of(more=", json_errors: refuse"))
        assert answer.body == BODY
        assert answer.values(b"ETag") == [b'"a"']


async def test_no_transform_is_for_others(start_configured: StartConfigured) -> None:
    sent = answer_of(BODY, "Cache-Control: no-transform")
    answer = await ask(start_configured, sent, file_of(), "Cache-Control: no-transform")
    assert answer.body == CHANGED


async def test_a_whole_body_is_asked_for(start_configured: StartConfigured) -> None:
    configured = await start_configured(file_of(), answer_of(BODY))
    answer = await configured.ask(
        "/", "Range: bytes=0-8", 'If-Range: W/"a"', 'If-Match: W/"a", "b"'
    )
    assert answer.body == CHANGED
    request = configured.upstream.requests[-1]
    assert request.values(b"Range") == request.values(b"If-Range") == []
    assert request.values(b"If-Match") == [b'"a", "b"']


async def test_head_and_304_say_what_is_true(start_configured: StartConfigured) -> None:
    fields = ('ETag: "a"', "Content-MD5: x", "Accept-Ranges: bytes", "Content-Encoding: gzip")
    configured = await start_configured(file_of(), answer_of(b"", *fields).replace(b": 0", b": 99"))
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        head = await client.answer(to_head=True)
        assert head.status == 200
        assert head.values(b"Content-Length") == head.values(b"Content-MD5") == []
        assert head.values(b"ETag") == [b'W/"a"']
        assert head.values(b"Content-Encoding") == [b"gzip"]
    not_modified = b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Digest: x\r\n\r\n'
    answer = await ask(start_configured, not_modified, file_of(), 'If-None-Match: W/"a"')
    assert answer.status == 304
    assert answer.values(b"ETag") == [b'W/"a"']
    assert answer.values(b"Content-Digest") == []


async def test_answers_without_a_body_stay(start_configured: StartConfigured) -> None:
    sent = b"HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n"
    answer = await ask(start_configured, sent, file_of(more=", json_errors: refuse"))
    assert answer.status == 204


async def test_trailers_stay_but_for_digests(start_configured: StartConfigured) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    head += b"Trailer: X-Sum, Content-Digest\r\n\r\n"
    sent = head + b"%x\r\n%b\r\n0\r\nX-Sum: 1\r\nContent-Digest: x\r\n\r\n" % (len(BODY), BODY)
    configured = await start_configured(file_of(), sent)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(
            b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\n\r\n"
        )
        raw = await client.reader.read()
    assert CHANGED in raw
    assert b"X-Sum: 1\r\n" in raw
    assert b"Content-Digest: x" not in raw


async def test_values_have_variables(start_configured: StartConfigured) -> None:
    rules = """[{set: {/by: "{method} {header.X-Who}", /list/-: {n: 1.0, ok: true}}}]"""
    configured = await start_configured(file_of(rules), answer_of(b'{"by":1,"list":[]}'))
    answer = await configured.ask("/", 'X-Who: "\\')
    assert answer.body == b'{"by":"GET \\"\\\\","list":[{"n":1.0,"ok":true}]}'
    answer = await configured.ask("/")
    assert answer.body == b'{"list":[{"n":1.0,"ok":true}]}'


async def test_keep_wrap_and_jmespath(start_configured: StartConfigured) -> None:
    rules = '[{keep: [/items/*/id, /total]}, {jmespath: "{ids: items[*].id, total: total}"}, {wrap: /data}]'
    body = b'{"items":[{"id":1.50,"s":1},{"id":12345678901234567890}],"total":2,"s":3}'
    answer = await ask(start_configured, answer_of(body), file_of(rules))
    assert answer.body == b'{"data":{"ids":[1.50,12345678901234567890],"total":2}}'


async def test_a_head_rule_has_the_last_word(start_configured: StartConfigured) -> None:
    more = ", headers: {set: {ETag: mine}}"
    answer = await ask(start_configured, answer_of(BODY, 'ETag: "a"'), file_of(more=more))
    assert answer.body == CHANGED
    assert answer.values(b"ETag") == [b"mine"]


async def test_what_is_kept_and_what_is_compressed_is_changed(
    start_configured: StartConfigured,
) -> None:
    fields = ("Cache-Control: max-age=60", 'ETag: "a"')
    file = file_of(route="cache: {}\n            compress: {over: 1}")
    configured = await start_configured(file, answer_of(BODY, *fields))
    for _ in range(2):
        answer = await configured.ask("/", "Accept-Encoding: gzip")
        assert zlib.decompress(answer.body, 31) == CHANGED
    assert len(configured.upstream.requests) == 1


async def test_an_answer_that_breaks_off_is_an_error(start_configured: StartConfigured) -> None:
    sent = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    answer = await ask(start_configured, sent, file_of())
    assert answer.status == 502
    assert json.loads(answer.body)["reason"] == "upstream_reset"


async def stream_of(
    configured: Configured, path: str = "/", *fields: str
) -> tuple[RawClient, bytes]:
    client = await RawClient.connect(configured.gateway.port)
    lines = "".join(f"{one}\r\n" for one in fields)
    await client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode())
    return client, await client.reader.readuntil(b"\r\n\r\n")


async def chunk_of(client: RawClient) -> bytes:
    async with asyncio.timeout(10):
        size = int(await client.reader.readuntil(b"\r\n"), 16)
        return (await client.reader.readexactly(size + 2))[:-2]


@pytest.mark.parametrize(
    ("kind", "sent", "got"),
    [
        ("text/event-stream", b'id: 1\r\ndata: {"usr":1,"internal":2}\r\n\r\n', b'id: 1\r\ndata: {"user":1}\r\n\r\n'),
        ("application/x-ndjson", b'{"usr":1,"internal":2}\n', b'{"user":1}\n'),
    ],
)  # fmt: skip
@pytest.mark.parametrize("coding", ["", "gzip", "zstd", "br"])
async def test_each_event_and_line_comes_at_once(
    start_configured: StartConfigured, kind: str, sent: bytes, got: bytes, coding: str
) -> None:
    goes_on = asyncio.Event()

    async def answer(_request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n".encode())
        writer.write(f"Content-Encoding: {coding}\r\n".encode() if coding else b"")
        writer.write(b'ETag: "a"\r\n\r\n')
        stream = encoder(coding.encode()) if coding else None
        for _ in range(3):
            goes_on.clear()
            writer.write(sent if stream is None else stream.feed(sent) + stream.flush())
            await writer.drain()
            await goes_on.wait()
        writer.write(b"" if stream is None else stream.finish())

    configured = await start_configured(file_of(), answer)
    client, head = await stream_of(configured, "/", f"Accept-Encoding: {coding or 'identity'}")
    assert b'ETag: W/"a"' in head
    decoder = Decoder(coding.encode()) if coding else None
    async with client:
        for _ in range(3):
            event = b""
            while len(event) < len(got):
                chunk = await chunk_of(client)
                event += chunk if decoder is None else b"".join(decoder.slices(chunk))
            assert event == got
            goes_on.set()


async def test_a_stream_that_can_not_be_changed_breaks_off_where_that_is_refused(
    start_configured: StartConfigured,
) -> None:
    body = b'data: {"usr":1}\n\ndata: no\n\ndata: {"usr":2}\n\n'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    answer = await ask(start_configured, head + body, file_of())
    assert answer.complete
    assert answer.body == body.replace(b"usr", b"user")
    refused = await ask(start_configured, head + body, file_of(more=", json_errors: refuse"))
    assert not refused.complete


async def test_an_encoded_bomb_in_a_stream_breaks_it_off(start_configured: StartConfigured) -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\n\r\n"
    )
    answer = await ask(start_configured, head + BOMB, file_of())
    assert not answer.complete
    assert len(answer.body) < 2_000_000


async def test_bodies_that_are_not_changed_are_counted_and_logged(
    start_configured: StartConfigured, capfd: pytest.CaptureFixture[str]
) -> None:
    configured = await start_configured(file_of(), answer_of(b'{"internal": 1'))
    for _ in range(3):
        await configured.ask("/")
    metrics = await configured.ask("/metrics", host="localhost")
    row = b'gateway_bodies_not_changed_total{of="answer",route="r",why="not_json"} 3.0'
    assert row in metrics.body
    assert capfd.readouterr().out.count("transform.passed_unchanged") == 1


async def test_streams_are_counted_once(start_configured: StartConfigured) -> None:
    sent = answer_of(b'data: {"usr"\n\n' * 2, kind="text/event-stream")
    for more in ("", ", json_errors: refuse"):
        configured = await start_configured(file_of(more=more), sent)
        await configured.ask("/")
        metrics = await configured.ask("/metrics", host="localhost")
        row = b'gateway_bodies_not_changed_total{of="answer",route="r",why="not_json"} 1.0'
        assert row in metrics.body


@pytest.mark.parametrize(("body", "expected"), [(b'{"a":1}', b'{"a":1}'), (BODY, CHANGED)])
async def test_a_kept_answer_is_revalidated(
    start_configured: StartConfigured, body: bytes, expected: bytes
) -> None:
    async def answer(request: Received, writer: asyncio.StreamWriter) -> None:
        fields = ('ETag: "a"', "Cache-Control: max-age=0, must-revalidate")
        if request.values(b"If-None-Match"):
            lines = "".join(f"{one}\r\n" for one in fields)
            writer.write(f"HTTP/1.1 304 Not Modified\r\n{lines}\r\n".encode())
        else:
            writer.write(answer_of(body, *fields))

    configured = await start_configured(file_of(route="cache: {}"), answer)
    for _ in range(3):
        got = await configured.ask("/")
        assert (got.status, got.body) == (200, expected)
    assert b"fwd=stale; fwd-status=304" in got.values(b"Cache-Status")[0]
