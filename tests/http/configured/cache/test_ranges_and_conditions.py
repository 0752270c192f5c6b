"""Conditions and ranges of clients are answered from what is kept, and the gateway asks by its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer, RawClient
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {object: 10KiB}
"""
MODIFIED = "Wed, 01 Jan 2020 00:00:00 GMT"
LATER = "Thu, 02 Jan 2020 00:00:00 GMT"
BODY = bytes(range(256)) * 8


@dataclass
class Service:
    """Answers with a body and its validators; 304 and 412 and ranges as RFC 9110 says, for its own tag alone."""

    body: bytes = BODY
    etag: str = '"a"'
    cache_control: str = "max-age=60"
    fields: list[str] = field(default_factory=list)
    on_304: list[str] = field(default_factory=list)

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        about = [f"ETag: {self.etag}", f"Cache-Control: {self.cache_control}"]
        if received.values(b"if-none-match") == [self.etag.encode()]:
            writer.write(_head("304 Not Modified", *about, *self.on_304))
            return
        if received.values(b"if-match") not in ([], [self.etag.encode()]):
            writer.write(_head("412 Precondition Failed", "Content-Length: 0"))
            return
        about += [f"Last-Modified: {MODIFIED}", "Content-Type: image/png", *self.fields]
        if received.values(b"range") == [b"bytes=0-1"]:
            about += [f"Content-Range: bytes 0-1/{len(self.body)}", "Content-Length: 2"]
            writer.write(_head("206 Partial Content", *about) + self.body[:2])
            return
        head = _head("200 OK", *about, f"Content-Length: {len(self.body)}")
        writer.write(head if received.request_line.startswith(b"HEAD") else head + self.body)


def _head(status: str, *lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *lines, "")).encode("latin-1")


@dataclass
class Asker:
    """A client with one connection: what is not framed rightly is seen in the next answer."""

    configured: Configured
    client: RawClient

    async def ask(self, *fields: str, method: str = "GET", path: str = "/one") -> RawAnswer:
        lines = "".join(f"{line}\r\n" for line in ("Host: a.example", *fields))
        await self.client.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
        return await self.client.answer(to_head=method == "HEAD")

    def received(self, name: bytes) -> list[list[bytes]]:
        """The values of a field in each of the requests that the service got."""
        return [one.values(name) for one in self.configured.upstream.requests]


StartAsker = Callable[[Service], Awaitable[Asker]]


@pytest.fixture
async def start_asker(start_configured: StartConfigured) -> AsyncIterator[StartAsker]:
    clients = []

    async def start(service: Service) -> Asker:
        configured = await start_configured(FILE, service)
        client = await RawClient.connect(configured.gateway.port)
        clients.append(client)
        return Asker(configured, client)

    yield start
    for client in clients:
        await client.close()


@asynccontextmanager
async def filled(start_asker: StartAsker, service: Service | None = None) -> AsyncIterator[Asker]:
    """A gateway that keeps an answer; in the end nothing more was asked for, and the connection is in order."""
    asker = await start_asker(service or Service())
    assert status_of(await asker.ask()).startswith("lockgate; fwd=uri-miss; ")
    yield asker
    whole = await asker.ask()
    assert (whole.status, whole.body) == (200, BODY)
    assert status_of(whole).startswith("lockgate; hit; ")
    assert len(asker.configured.upstream.requests) == 1


def value(answer: RawAnswer, name: str) -> str:
    (only,) = answer.values(name.encode())
    return only.decode("latin-1")


def status_of(answer: RawAnswer) -> str:
    return value(answer, "Cache-Status")


@pytest.mark.parametrize(
    ("asked", "sent", "content_range"),
    [
        ("bytes=0-0", BODY[:1], "bytes 0-0/2048"),
        ("bytes=2000-", BODY[2000:], "bytes 2000-2047/2048"),
        ("bytes=-5", BODY[-5:], "bytes 2043-2047/2048"),
        ("bytes=100-9999", BODY[100:], "bytes 100-2047/2048"),
        ("bytes=0-9,5-19", BODY[:20], "bytes 0-19/2048"),
    ],
)
async def test_a_range_is_cut_out_of_what_is_kept(
    start_asker: StartAsker, asked: str, sent: bytes, content_range: str
) -> None:
    async with filled(start_asker) as asker:
        answer = await asker.ask(f"Range: {asked}")
        assert (answer.status, answer.body) == (206, sent)
        assert value(answer, "Content-Range") == content_range
        assert value(answer, "Content-Length") == str(len(sent))
        assert value(answer, "ETag") == '"a"'
        assert value(answer, "Age").isdigit()
        assert status_of(answer).startswith("lockgate; hit; ")


async def test_several_ranges_are_parts_of_one_answer(start_asker: StartAsker) -> None:
    async with filled(start_asker) as asker:
        answer = await asker.ask("Range: bytes=0-99, 1000-1001,-1")
        assert answer.status == 206
        parsed = message_from_bytes(
            b"Content-Type: %b\r\n\r\n%b" % (value(answer, "Content-Type").encode(), answer.body)
        )
        parts = parsed.get_payload()
        assert isinstance(parts, list)
        assert [part["Content-Range"] for part in parts] == [
            "bytes 0-99/2048",
            "bytes 1000-1001/2048",
            "bytes 2047-2047/2048",
        ]
        assert {part["Content-Type"] for part in parts} == {"image/png"}
        assert answer.values(b"content-range") == []


async def test_a_range_behind_the_end_is_416_that_is_kept_nowhere(start_asker: StartAsker) -> None:
    async with filled(start_asker) as asker:
        answer = await asker.ask("Range: bytes=2048-")
        assert (answer.status, answer.body) == (416, b"")
        assert value(answer, "Content-Range") == "bytes */2048"
        assert value(answer, "Cache-Control") == "no-store"
        assert value(answer, "Content-Length") == "0"
        assert answer.values(b"etag") == []


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=" + ",".join(f"{n}-" for n in range(1000)),
        "bytes=" + "0-," * 1300,
        "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 200, 2)),
        "bytes=" + "9" * 4000 + "-",
        "bytes=5-1",
        "chapters=1-2",
        "",
    ],
)
async def test_a_range_that_is_too_much_or_not_valid_gets_all(
    start_asker: StartAsker, asked: str
) -> None:
    async with filled(start_asker) as asker:
        answer = await asker.ask(f"Range: {asked}")
        assert (answer.status, answer.body) == (200, BODY)


async def test_two_ranges_in_two_lines_are_not_one_range(start_asker: StartAsker) -> None:
    async with filled(start_asker) as asker:
        answer = await asker.ask("Range: bytes=0-1", "Range: bytes=4-5")
        assert (answer.status, answer.body) == (200, BODY)


@pytest.mark.parametrize(
    ("if_range", "status"),
    [('"a"', 206), ('"b"', 200), ('W/"a"', 200), (MODIFIED, 206), (LATER, 200), ("", 200)],
)
async def test_a_range_of_another_representation_gets_all(
    start_asker: StartAsker, if_range: str, status: int
) -> None:
    async with filled(start_asker) as asker:
        answer = await asker.ask("Range: bytes=0-1", f"If-Range: {if_range}")
        assert answer.status == status
        assert answer.body == (BODY[:2] if status == 206 else BODY)


@pytest.mark.parametrize(
    "condition",
    [
        'If-None-Match: "a"',
        'If-None-Match: "x", W/"a"',
        "If-None-Match: *",
        "If-None-Match: " + '"x",' * 1000 + '"a"',
        f"If-Modified-Since: {MODIFIED}",
        f"If-Modified-Since: {LATER}",
        "If-Modified-Since: Wednesday, 01-Jan-20 00:00:00 GMT",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_client_that_has_the_answer_gets_304(
    start_asker: StartAsker, condition: str, method: str
) -> None:
    async with filled(start_asker) as asker:
        answer = await asker.ask(condition, "Range: bytes=0-1", method=method)
        assert answer.status == 304
        assert value(answer, "ETag") == '"a"'
        assert value(answer, "Cache-Control") == "max-age=60"
        assert value(answer, "Date")
        for name in (b"content-length", b"content-type", b"content-range", b"transfer-encoding"):
            assert answer.values(name) == []


@pytest.mark.parametrize(
    "condition",
    [
        'If-None-Match: "b"',
        "If-None-Match: " + '"x",' * 1000,
        "If-Modified-Since: Tue, 31 Dec 2019 00:00:00 GMT",
        "If-Modified-Since: yesterday",
    ],
)
async def test_a_client_that_has_another_answer_gets_all(
    start_asker: StartAsker, condition: str
) -> None:
    async with filled(start_asker) as asker:
        answer = await asker.ask(condition)
        assert (answer.status, answer.body) == (200, BODY)


async def test_if_none_match_comes_before_if_modified_since(start_asker: StartAsker) -> None:
    async with filled(start_asker) as asker:
        answer = await asker.ask('If-None-Match: "b"', f"If-Modified-Since: {LATER}")
        assert answer.status == 200


async def test_head_is_answered_from_a_kept_get(start_asker: StartAsker) -> None:
    async with filled(start_asker) as asker:
        answer = await asker.ask("Range: bytes=0-1", method="HEAD")
        assert answer.status == 200
        assert value(answer, "Content-Length") == "2048"
        assert value(answer, "Content-Type") == "image/png"
        assert status_of(answer).startswith("lockgate; hit; ")


async def test_a_range_of_what_is_not_kept_has_all_of_it_fetched(start_asker: StartAsker) -> None:
    asker = await start_asker(Service())
    answer = await asker.ask("Range: bytes=0-1", 'If-Range: "a"')
    assert (answer.status, answer.body) in ((200, BODY), (206, BODY[:2]))
    assert asker.received(b"range") == asker.received(b"if-range") == [[]]
    again = await asker.ask("Range: bytes=0-1")
    assert (again.status, again.body) == (206, BODY[:2])
    assert len(asker.configured.upstream.requests) == 1


async def test_conditions_for_what_is_not_kept_do_not_reach_the_service(
    start_asker: StartAsker,
) -> None:
    asker = await start_asker(Service())
    answer = await asker.ask('If-None-Match: "a"', f"If-Modified-Since: {LATER}")
    assert answer.status == 304
    assert asker.received(b"if-none-match") == asker.received(b"if-modified-since") == [[]]
    assert (await asker.ask()).body == BODY
    assert len(asker.configured.upstream.requests) == 1


@pytest.mark.parametrize("condition", ['If-Match: "b"', f"If-Unmodified-Since: {MODIFIED}"])
async def test_the_service_decides_about_preconditions(
    start_asker: StartAsker, condition: str
) -> None:
    asker = await start_asker(Service())
    await asker.ask()
    answer = await asker.ask(condition, "Range: bytes=0-1")
    name, _, sent = condition.partition(": ")
    assert asker.received(name.lower().encode()) == [[], [sent.encode()]]
    assert asker.received(b"range") == [[], [b"bytes=0-1"]]
    assert answer.status == (412 if name == "If-Match" else 206)
    assert status_of(answer).startswith("lockgate; fwd=bypass; ")
    assert (await asker.ask()).body == BODY
    assert len(asker.configured.upstream.requests) == 2


async def test_a_stale_answer_is_validated_by_its_own_tag_and_the_client_by_the_clients(
    start_asker: StartAsker,
) -> None:
    asker = await start_asker(Service(cache_control="max-age=0"))
    await asker.ask()
    whole = await asker.ask('If-None-Match: "b"')
    assert (whole.status, whole.body) == (200, BODY)
    assert "fwd=stale" in status_of(whole)
    assert "fwd-status=304" in status_of(whole)
    known = await asker.ask('If-None-Match: "x", "a"')
    assert known.status == 304
    part = await asker.ask("Range: bytes=0-1")
    assert (part.status, part.body) == (206, BODY[:2])
    assert asker.received(b"if-none-match") == [[], [b'"a"'], [b'"a"'], [b'"a"']]
    assert asker.received(b"if-modified-since") == [[], *[[MODIFIED.encode()]] * 3]
    assert asker.received(b"range") == [[]] * 4


async def test_a_304_makes_what_is_kept_fresh_and_changes_its_fields(
    start_asker: StartAsker,
) -> None:
    service = Service(cache_control="max-age=0", fields=["X-Kept: 1", "X-Changed: 1"])
    asker = await start_asker(service)
    await asker.ask()
    service.cache_control = "max-age=60"
    service.on_304 = [
        "X-Changed: 2",
        "X-New: 2",
        "Content-Encoding: gzip",
        "Content-Length: 7",
        "Content-Range: bytes 0-1/2",
    ]
    validated, kept = await asker.ask(), await asker.ask()
    assert len(asker.configured.upstream.requests) == 2
    for answer in (validated, kept):
        assert (answer.status, answer.body) == (200, BODY)
        assert value(answer, "X-Kept") == "1"
        assert value(answer, "X-Changed") == value(answer, "X-New") == "2"
        assert value(answer, "Cache-Control") == "max-age=60"
        assert answer.values(b"content-encoding") == answer.values(b"content-range") == []
        assert len(answer.values(b"date")) == 1
    assert status_of(kept).startswith("lockgate; hit; ")


async def test_a_304_that_forbids_to_keep_it_ends_what_is_kept(start_asker: StartAsker) -> None:
    service = Service(cache_control="max-age=0")
    asker = await start_asker(service)
    await asker.ask()
    service.cache_control = "no-store"
    assert (await asker.ask()).body == BODY
    await asker.ask()
    assert asker.received(b"if-none-match") == [[], [b'"a"'], []]


async def test_a_304_for_another_tag_changes_nothing(start_asker: StartAsker) -> None:
    """The service says that what is kept may be used, and describes something else."""
    service = Service(cache_control="max-age=0")
    asker = await start_asker(service)
    await asker.ask()

    service.on_304 = ['ETag: "b"', "X-New: 2"]
    service.etag, service.cache_control = '"a"', "max-age=60"
    answer = await asker.ask()
    assert answer.body == BODY
    assert value(answer, "ETag") == '"a"'


async def test_a_new_answer_takes_the_place_of_a_stale_one(start_asker: StartAsker) -> None:
    service = Service(cache_control="max-age=0")
    asker = await start_asker(service)
    await asker.ask()
    service.etag, service.body, service.cache_control = '"b"', b"new", "max-age=60"
    assert (await asker.ask()).body == b"new"
    assert (await asker.ask("Range: bytes=-1")).body == b"w"
    assert asker.received(b"if-none-match") == [[], [b'"a"']]


async def test_an_answer_of_another_range_than_asked_for_is_not_kept(
    start_asker: StartAsker,
) -> None:
    """Some services send a part though nobody asked for one."""

    async def part(_received: Received, writer: asyncio.StreamWriter) -> None:
        lines = ("Cache-Control: max-age=60", "Content-Range: bytes 0-1/9", "Content-Length: 2")
        writer.write(_head("206 Partial Content", *lines) + b"ab")

    asker = await start_asker(part)  # type: ignore[arg-type]
    for _ in range(2):
        answer = await asker.ask()
        assert (answer.status, answer.body) == (206, b"ab")
        assert "hit;" not in status_of(answer)
    assert len(asker.configured.upstream.requests) == 2


async def test_a_part_of_what_is_too_large_to_be_kept_is_asked_of_the_service(
    start_asker: StartAsker,
) -> None:
    """Otherwise who asks for two bytes would get all of them."""
    service = Service(body=bytes(20_000))
    asker = await start_asker(service)
    for _ in range(2):
        answer = await asker.ask("Range: bytes=0-1")
        assert (answer.status, answer.body) == (206, bytes(2))
    assert asker.received(b"range") == [[], [b"bytes=0-1"], [b"bytes=0-1"]]
    whole = await asker.ask()
    assert whole.body == service.body


async def test_head_has_a_stale_answer_refreshed_by_get(start_asker: StartAsker) -> None:
    service = Service(cache_control="max-age=1, stale-while-revalidate=60", fields=["Age: 5"])
    asker = await start_asker(service)
    await asker.ask()
    service.cache_control = "max-age=60"
    answer = await asker.ask(method="HEAD")
    assert answer.status == 200
    assert status_of(answer).startswith("lockgate; hit; ttl=-")

    async def is_fresh() -> bool:
        return not status_of(await asker.ask(method="HEAD")).startswith("lockgate; hit; ttl=-")

    await eventually(is_fresh)
    assert [one.request_line for one in asker.configured.upstream.requests] == [
        b"GET /one HTTP/1.1"
    ] * 2


async def test_head_with_another_length_makes_what_is_kept_stale(start_asker: StartAsker) -> None:
    service = Service()
    asker = await start_asker(service)
    await asker.ask()
    service.body = BODY + b"x"
    assert "fwd=request" in status_of(await asker.ask("Cache-Control: no-cache", method="HEAD"))
    assert "fwd=stale" in status_of(await asker.ask())


@pytest.mark.parametrize(("etag", "validators"), [('"a"', [b'"a"']), ('"b"', [b'"a"'])])
async def test_head_that_contradicts_what_is_kept_makes_it_stale(
    start_asker: StartAsker, etag: str, validators: list[bytes]
) -> None:
    service = Service()
    asker = await start_asker(service)
    await asker.ask()
    service.etag = etag
    head = await asker.ask("Cache-Control: no-cache", method="HEAD")
    assert status_of(head).startswith("lockgate; fwd=request; ")
    answer = await asker.ask()
    if etag == '"a"':
        assert status_of(answer).startswith("lockgate; hit; ")
    else:
        assert "fwd=stale" in status_of(answer)
        assert asker.received(b"if-none-match")[-1] == validators
