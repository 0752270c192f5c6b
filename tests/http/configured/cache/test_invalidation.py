"""A request that may have changed something ends what is kept of it (RFC 9111 §4.4)."""

import asyncio
from dataclasses import dataclass, field

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.upstreams import Received

FILE = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        cache: {stores: STORES}
"""


@pytest.fixture(params=["memory", "redis"])
def file(request: pytest.FixtureRequest) -> str:
    return FILE.replace("STORES", str(request.param))


@dataclass
class Service:
    """Counts up with each answer, which is fresh for a minute; `status` and `lines` are those of unsafe requests.

    `held` is a path whose answer waits until `go` is set.
    """

    status: str = "200 OK"
    lines: list[str] = field(default_factory=list)
    held: bytes = b""
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    answers: int = 0

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        self.answers += 1
        body = b"%d" % self.answers
        if received.request_line.startswith((b"GET", b"QUERY")):
            if received.target == self.held:
                self.asked.set()
                await self.go.wait()
            status, lines = "200 OK", ["Cache-Control: max-age=60", "Vary: Accept"]
        else:
            status, lines = self.status, self.lines
        if received.request_line.startswith(b"HEAD"):
            body = b""
        head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *lines))
        writer.write(b"%bContent-Length: %d\r\n\r\n%b" % (head.encode(), len(body), body))


async def body_of(configured: Configured, path: str, *fields: str, host: str = "a.example") -> str:
    return (await configured.ask(path, *fields, host=host)).body.decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "M-SEARCH", "MKCOL"])
@pytest.mark.parametrize("status", ["200 OK", "201 Created", "303 See Other"])
async def test_a_successful_unsafe_request_ends_what_is_kept_of_its_url(
    start_configured: StartConfigured, file: str, method: str, status: str
) -> None:
    configured = await start_configured(file, Service(status))
    assert await body_of(configured, "/a?q=1") == "1"
    assert await body_of(configured, "/a?q=1") == "1"
    await configured.ask("/a?q=1", method=method, body="x")
    assert await body_of(configured, "/a?q=1") == "3"
    assert await body_of(configured, "/a?q=1") == "3"


async def test_every_variant_ends_and_other_urls_stay(
    start_configured: StartConfigured, file: str
) -> None:
    configured = await start_configured(file, Service())
    variants = [("/a", "Accept: x"), ("/a", "Accept: y"), ("/a",)]
    others = [("/a/",), ("/a?q",), ("/b",)]
    before = [await body_of(configured, *one) for one in (*variants, *others)]
    elsewhere = await body_of(configured, "/a", host="b.example")
    await configured.ask("/a", method="POST")
    assert [await body_of(configured, *one) for one in others] == before[len(variants) :]
    assert await body_of(configured, "/a", host="b.example") == elsewhere
    after = [await body_of(configured, *one) for one in variants]
    assert not set(after) & set(before)


async def test_ignored_members_of_a_query_make_no_other_url(
    start_configured: StartConfigured,
    file: str,
) -> None:
    configured = await start_configured(
        file.replace("cache: {", "cache: {ignore_query: [utm], "),
        Service("201 Created", ["Location: /b?utm=9"]),
    )
    assert [await body_of(configured, path) for path in ("/a?q=1&utm=2", "/b?utm=3")] == ["1", "2"]
    await configured.ask("/a?utm=4&q=1", method="POST")
    assert [await body_of(configured, path) for path in ("/a?q=1", "/b")] == ["4", "5"]


BY_METHOD = """
    routes:
      - name: read
        match: {prefix: /, methods: [GET, HEAD]}
        service: order_service
        limits: null
        cache: {ignore_query: [utm]}
      - {name: write, match: {prefix: /}, service: order_service, limits: null}
      - {name: beside, match: {prefix: /beside}, service: order_service, limits: null}
"""


async def test_a_change_comes_by_a_route_without_a_cache_too(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(BY_METHOD, Service("201 Created", ["Location: /b?utm=1"]))
    before = [await body_of(configured, path) for path in ("/a", "/b", "/c")]
    answer = await configured.ask("/a?utm=2", method="POST", body="x")
    assert answer.values(b"cache-status") == []
    after = [await body_of(configured, path) for path in ("/a", "/b", "/c")]
    assert (before, after) == (["1", "2", "3"], ["5", "6", "3"])


async def test_a_change_where_nothing_is_kept_is_told_nobody(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(BY_METHOD, Service())
    remembering = configured.gateway.gateway.remembering
    assert remembering is not None
    purging = remembering.purging
    await eventually(lambda: purging.is_current)
    before = purging.revision
    await configured.ask("/beside", method="POST", body="x")
    assert purging.revision == before
    await configured.ask("/a", method="POST", body="x")
    assert purging.revision == before + 1


async def test_a_kept_query_ends_with_its_url(start_configured: StartConfigured, file: str) -> None:
    configured = await start_configured(file, Service())

    async def query() -> bytes:
        field = "Content-Type: text/plain"
        return (await configured.ask("/a", field, method="QUERY", body="what?")).body

    assert await query() == await query() == b"1"
    await configured.ask("/a", method="POST")
    assert await query() == b"3"


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "500 Oops", "503 Busy"])
async def test_a_failed_unsafe_request_ends_nothing(
    start_configured: StartConfigured, file: str, status: str
) -> None:
    configured = await start_configured(file, Service(status, ["Location: /b"]))
    before = [await body_of(configured, path) for path in ("/a", "/b")]
    await configured.ask("/a", method="POST", body="x")
    assert [await body_of(configured, path) for path in ("/a", "/b")] == before


@pytest.mark.parametrize("method", ["OPTIONS", "PROPFIND"])
async def test_a_safe_request_ends_nothing(
    start_configured: StartConfigured, file: str, method: str
) -> None:
    configured = await start_configured(file, Service())
    assert await body_of(configured, "/a") == "1"
    await configured.ask("/a", method=method)
    assert await body_of(configured, "/a") == "1"


@pytest.mark.parametrize(
    "named", ["Location: /b", "Content-Location: b", "Location: http://A.example:80/b#part"]
)
async def test_what_the_answer_names_on_the_same_origin_ends_too(
    start_configured: StartConfigured, file: str, named: str
) -> None:
    configured = await start_configured(file, Service("201 Created", [named]))
    assert await body_of(configured, "/b") == "1"
    await configured.ask("/a", method="POST", body="x")
    assert await body_of(configured, "/b") == "3"


@pytest.mark.parametrize(
    "named",
    [
        "Location: http://b.example/b",
        "Location: https://a.example/b",
        "Content-Location: //b.example/b",
        "Location: http://[/b",
    ],
)
async def test_what_the_answer_names_on_another_origin_stays(
    start_configured: StartConfigured, file: str, named: str
) -> None:
    configured = await start_configured(file, Service("201 Created", [named]))
    hosts = ("a.example", "b.example")
    before = [await body_of(configured, "/b", host=host) for host in hosts]
    await configured.ask("/a", method="POST", body="x")
    assert [await body_of(configured, "/b", host=host) for host in hosts] == before


async def test_an_answer_that_was_asked_for_before_the_change_is_not_kept_after_it(
    start_configured: StartConfigured,
    file: str,
) -> None:
    service = Service(held=b"/a")
    configured = await start_configured(file, service)
    early = asyncio.create_task(body_of(configured, "/a"))
    await service.asked.wait()
    await configured.ask("/a", method="POST", body="x")
    service.go.set()
    assert await early == "1"
    assert await body_of(configured, "/a") == "3"
    assert await body_of(configured, "/a") == "3"


async def test_who_asks_after_the_change_does_not_get_the_answer_from_before_it(
    start_configured: StartConfigured,
    file: str,
) -> None:
    """A request must not join one that the service got before the change."""
    service = Service(held=b"/a")
    configured = await start_configured(file, service)
    early = asyncio.create_task(body_of(configured, "/a"))
    await service.asked.wait()
    service.asked.clear()
    await configured.ask("/a", method="POST", body="x")
    late = asyncio.create_task(body_of(configured, "/a"))
    async with asyncio.timeout(10):
        await service.asked.wait()
    service.go.set()
    assert await early == "1"
    assert await late == "3"
    assert await body_of(configured, "/a") == "3"
