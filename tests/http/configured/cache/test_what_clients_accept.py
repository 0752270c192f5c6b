"""What a client accepts by Cache-Control: each directive, in each state of what is kept (RFC 9111 §5.2.1)."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.http.configured.cache.test_poisoning import hit
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.raw_clients import RawAnswer, exchange
from tests.support.upstreams import Received

FILE = """
    routes:
      - {name: shop, match: {prefix: /}, service: order_service, limits: null, cache: {}}
      - {name: none, match: {host: none.example}, service: order_service, limits: null}
"""
#: Fields of an answer by the state that it is in as soon as it has come.
STATES = {
    "fresh": ["Cache-Control: max-age=60", "Age: 20"],
    "immutable": ["Cache-Control: max-age=60, immutable", "Age: 20"],
    "stale": ["Cache-Control: max-age=60", "Age: 100", 'ETag: "a"'],
    "must-revalidate": ["Cache-Control: max-age=60, must-revalidate", "Age: 100", 'ETag: "a"'],
    "while-revalidate": ["Cache-Control: max-age=60, stale-while-revalidate=1000", "Age: 100"],
    "no-cache": ["Cache-Control: no-cache, max-age=60", 'ETag: "a"'],
    "not-kept": ["Cache-Control: no-store"],
}
HIT, ASKED, REFUSED = "hit", "asked", "504"
ROWS = [
    ("fresh", "max-age=60", HIT),
    ("fresh", "MAX-AGE=60", HIT),
    ("fresh", 'max-age="60"', HIT),
    ("fresh", "max-age=9223372036854775808", HIT),
    ("fresh", "max-age=10", ASKED),
    ("fresh", "max-age=10, max-age=60", ASKED),
    ("fresh", "max-age=x", ASKED),
    ("fresh", "max-age=-1", ASKED),
    ("fresh", "max-age", ASKED),
    ("fresh", "min-fresh=30", HIT),
    ("fresh", "min-fresh=50", ASKED),
    ("fresh", "min-fresh=30, min-fresh=50", ASKED),
    ("fresh", "min-fresh=" + "9" * 5000, ASKED),
    ("fresh", "min-fresh=x", ASKED),
    ("fresh", "no-cache", ASKED),
    ("fresh", "No-Cache=1", ASKED),
    ("fresh", 'no-cache="x"', ASKED),
    ("fresh", 'x="no-cache"', HIT),
    ("fresh", 'x="no-cache', ASKED),
    ("fresh", "no-store", ASKED),
    ("fresh", "," * 8000 + "no-cache", ASKED),
    ("fresh", "x=1, " * 3200 + "no-cache", ASKED),
    ("fresh", "x=1, " * 3200 + "only-if-cached", REFUSED),
    ("fresh", "x=1, " * 600 + "max-age=60", HIT),
    ("fresh", "max-stale", HIT),
    ("fresh", "unknown, unknown=1", HIT),
    ("immutable", "max-age=0", HIT),
    ("immutable", "no-cache", ASKED),
    ("stale", "x", ASKED),
    ("stale", "max-stale", HIT),
    ("stale", "max-stale=60", HIT),
    ("stale", 'max-stale="60"', HIT),
    ("stale", "max-stale=10", ASKED),
    ("stale", "max-stale=60, max-stale=10", ASKED),
    ("stale", "max-stale=x", ASKED),
    ("stale", "max-stale=", ASKED),
    ("stale", "max-stale, max-age=200", HIT),
    ("stale", "max-stale, min-fresh=0", ASKED),
    ("stale", "max-stale, no-cache", ASKED),
    ("must-revalidate", "max-stale", ASKED),
    ("while-revalidate", "x", HIT),
    ("while-revalidate", "max-age=200", ASKED),
    ("while-revalidate", "min-fresh=1", ASKED),
    ("no-cache", "max-stale", ASKED),
    ("not-kept", "x", ASKED),
    ("fresh", "only-if-cached", HIT),
    ("fresh", "Only-If-Cached=1", HIT),
    ("fresh", "only-if-cached, max-age=10", REFUSED),
    ("fresh", "only-if-cached, min-fresh=50", REFUSED),
    ("fresh", "only-if-cached, no-cache", REFUSED),
    ("fresh", "only-if-cached, no-store", REFUSED),
    ("stale", "only-if-cached", REFUSED),
    ("stale", "only-if-cached, max-stale", HIT),
    ("must-revalidate", "only-if-cached, max-stale", REFUSED),
    ("while-revalidate", "only-if-cached", HIT),
    ("no-cache", "only-if-cached, max-stale", REFUSED),
    ("not-kept", "only-if-cached", REFUSED),
    ("never-asked", "only-if-cached, max-stale", REFUSED),
]


async def answer_by_state(received: Received, writer: asyncio.StreamWriter) -> None:
    fields = STATES[received.target[1:].split(b"?")[0].decode()]
    writer.write("\r\n".join(("HTTP/1.1 200 OK", *fields, "Content-Length: 2", "", "ok")).encode())


def came_of(answer: RawAnswer) -> str:
    if answer.status == 504:
        return REFUSED if b"only_if_cached" in answer.body else "504 of another kind"
    assert (answer.status, answer.body) == (200, b"ok"), answer
    return HIT if hit(answer) else ASKED


async def results(configured: Configured, rows: Sequence[tuple[str, str, str]]) -> list[object]:
    """What came of each row that is not as the row says."""
    wrong: list[object] = []
    for number, (state, said, wanted) in enumerate(rows):
        path = f"/{state}?{number}"
        if state in STATES:
            assert (await configured.ask(path)).status == 200
        came = came_of(await configured.ask(path, f"Cache-Control: {said}"))
        if came != wanted:
            wrong.append((state, said[:40], came))
    return wrong


async def test_a_client_gets_what_it_accepts_and_nothing_else(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, answer_by_state)
    assert await results(configured, ROWS) == []


async def test_two_lines_of_cache_control_are_one_list(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, answer_by_state)
    await configured.ask("/fresh")
    for lines, wanted in [
        (("Cache-Control: max-age=60", "cache-control: No-Cache"), ASKED),
        (('Cache-Control: x="', "Cache-Control: no-cache"), ASKED),
        (("Cache-Control: max-age=60", "Cache-Control: max-age=61"), HIT),
        (("Pragma: no-cache",), ASKED),
        (("Pragma: no-cache", "Cache-Control: max-age=60"), HIT),
    ]:
        assert came_of(await configured.ask("/fresh", *lines)) == wanted, lines


@pytest.mark.parametrize(
    "fields",
    [
        ["Cache-Control: only-if-cached"],
        ["Cache-Control: only-if-cached, no-store"],
        ["Cache-Control: no-store", "Cache-Control: only-if-cached"],
        ["Cache-Control: only-if-cached", 'If-Match: "a"'],
        ["Cache-Control: only-if-cached", "If-Unmodified-Since: Wed, 01 Jan 2020 00:00:00 GMT"],
        ["Cache-Control: only-if-cached", "Upgrade: websocket", "Connection: Upgrade"],
        ["Cache-Control: only-if-cached", "Range: bytes=0-0"],
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "QUERY"])
async def test_who_wants_what_is_kept_never_reaches_the_service(
    start_configured: StartConfigured, method: str, fields: list[str]
) -> None:
    configured = await start_configured(FILE, answer_by_state)
    body = "x" if method == "QUERY" else ""
    request = (
        f"{method} /fresh HTTP/1.1",
        "Host: a.example",
        *fields,
        f"Content-Length: {len(body)}",
        "",
    )
    data = "\r\n".join((*request, body)).encode()
    answer = await exchange(configured.gateway.port, data, to_head=method == "HEAD")
    assert answer.status == 504
    assert answer.values(b"cache-status") == [b"lockgate; detail=only-if-cached"]
    assert configured.upstream.requests == []


async def test_only_if_cached_means_nothing_on_a_route_without_a_cache(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, answer_by_state)
    answer = await configured.ask("/fresh", "Cache-Control: only-if-cached", host="none.example")
    assert answer.status == 200
