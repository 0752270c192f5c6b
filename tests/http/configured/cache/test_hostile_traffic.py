"""What somebody sends to use up the gateway's memory or time, and what the others get meanwhile."""

import asyncio

import pytest

from gateway.worker.remembering import Remembering
from middlewares.cache.flights import MOST_ALONE
from tests.http.configured.cache.test_poisoning import hit
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import Received

FILE = """
    cache: {memory: 1MiB}
    routes:
      - {name: shop, match: {prefix: /}, service: order_service, limits: null, cache: {}}
"""
FRESH = b'HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nETag: "a"\r\nContent-Length: 2\r\n\r\nok'
LONG = 15_000


def remembering(configured: Configured) -> Remembering:
    found = configured.gateway.gateway.remembering
    assert found is not None
    return found


async def ask_all(configured: Configured, paths: list[str], *fields: str) -> list[int]:
    """The statuses of requests over one connection."""
    lines = "".join(f"{line}\r\n" for line in ("Host: a.example", *fields))
    async with await RawClient.connect(configured.gateway.port) as client:
        statuses = []
        for path in paths:
            await client.send(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
            statuses.append((await client.answer()).status)
        return statuses


async def test_any_number_of_urls_takes_no_more_than_the_bound(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, FRESH)
    await ask_all(configured, ["/hot"] * 3)
    memory = remembering(configured).memory
    number = 2000
    for first in range(0, number, 100):
        paths = [f"/{first + one}?{'x' * 300}" for one in range(100)]
        assert await ask_all(configured, [*paths, "/hot"]) == [200] * 101
        assert memory.bytes <= 1024 * 1024
    assert memory.entries < number / 2
    assert memory.evicted
    # What is in use has stayed.
    assert hit(await configured.ask("/hot"))
    assert len([one for one in configured.upstream.requests if one.target == b"/hot"]) == 1


async def test_any_number_of_urls_that_can_not_be_kept_leaves_a_bounded_number_of_marks(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, FRESH.replace(b"max-age=300", b"no-store"))
    paths = [f"/{number}" for number in range(200)]
    assert await ask_all(configured, paths) == [200] * 200
    assert remembering(configured).memory.entries == 0
    assert len(remembering(configured).marks) == 200
    assert len(remembering(configured).flights) == 0


async def test_stale_answers_have_a_bounded_number_of_requests_under_way(
    start_configured: StartConfigured,
) -> None:
    """The client has each stale answer at once, so it waits for none of the requests that these begin."""
    stale = FRESH.replace(b"max-age=300", b"max-age=1, stale-while-revalidate=1000\r\nAge: 5")

    async def answer(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.values(b"if-none-match"):
            await asyncio.Event().wait()
        writer.write(stale)

    configured = await start_configured(FILE.replace("1MiB", "16MiB"), answer)
    paths = [f"/{number}" for number in range(MOST_ALONE + 20)]
    for _ in range(2):
        assert await ask_all(configured, paths) == [200] * len(paths)
    flights = remembering(configured).flights
    await eventually(lambda: len(flights) <= MOST_ALONE)
    assert len(flights) > MOST_ALONE / 2


BOMBS = {
    "tags": "If-None-Match: " + '"x", ' * 3000,
    "tags that end in this one": "If-None-Match: " + '"x",' * 3000 + '"b"',
    "open tags": 'If-None-Match: "' + "," * LONG,
    "weak tags": "If-None-Match: " + "W/" * 7000,
    "ranges": "Range: bytes=" + "0-0," * 3000,
    "nested ranges": "Range: bytes=" + ",".join(f"0-{end}" for end in range(2000)),
    "digits of a range": "Range: bytes=0-" + "9" * LONG,
    "a range of another unit": "Range: " + "x" * LONG + "=0-1",
    "a long If-Range": "Range: bytes=0-0\r\nIf-Range: " + '"' * LONG,
    "a date": "If-Modified-Since: " + "Mon, " * 3000,
    "a date of the year 1": "If-Modified-Since: Mon, 01 Jan 0001 00:00:00 GMT",
    "quotes": "Cache-Control: " + 'a="' * 5000 + "\r\nPragma: x",
    "escapes": 'Cache-Control: a="' + "\\" * LONG,
    "directives": "Cache-Control: " + "a=1," * 3500,
    "blanks": "Cache-Control: a" + " " * LONG + "b",
    "options of Connection": "Connection: " + ", ".join(f"x-{number}" for number in range(250)),
    "languages": "Accept-Language: " + ",".join(f"a-{number}" for number in range(250)),
    "entries of Via": "Via: " + ", ".join(["1.1 a"] * 250),
    "a name": "x" * LONG + ": 1",
    "names": "\r\n".join(f"{number}-a: 1" for number in range(90)),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
async def test_a_long_field_gets_its_sender_an_answer_and_changes_nobody_elses(
    start_configured: StartConfigured, bomb: str
) -> None:
    """It is answered with all of the answer, or refused as too long: never with an error of the gateway's."""
    configured = await start_configured(FILE, FRESH)
    assert (await configured.ask("/")).status == 200
    answer = await configured.ask("/", bomb)
    assert (answer.status, answer.body) == (200, b"ok"), answer
    plain = await configured.ask("/")
    assert hit(plain)
    assert (plain.status, plain.body) == (200, b"ok")


async def test_a_vary_by_what_differs_each_time_keeps_few_answers_of_one_url(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, FRESH.replace(b"ETag", b"Vary: Accept\r\nETag"))
    request = "GET / HTTP/1.1\r\nHost: a.example\r\nAccept: text/{}\r\n\r\n"
    for number in range(100):
        answer = await exchange(configured.gateway.port, request.format(number).encode())
        assert answer.status == 200
    assert remembering(configured).memory.entries == 64
    assert hit(await configured.ask("/", "Accept: text/99"))
    assert not hit(await configured.ask("/", "Accept: text/0"))
