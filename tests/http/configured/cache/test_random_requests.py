"""Random requests: with a cache, a service's answers are what they are without one.

Each request goes to a route with a cache and to one without, in any order and several at a time. The service
tells all that it sees.
"""

import asyncio
import random

import pytest

from tests.http.configured.cache.test_poisoning import hit, telling
from tests.http.configured.conftest import StartConfigured
from tests.support.raw_clients import RawAnswer, exchange

FILE = """
    routes:
      - name: kept
        match: {host: kept.example, prefix: /}
        service: order_service
        paths: as_is
        cache: {KEY}
      - {name: plain, match: {host: plain.example, prefix: /}, service: order_service, paths: as_is}
"""
TARGETS = [
    "/a",
    "/a?",
    "/a?x=1",
    "/a?x=1&x=2",
    "/a?x=2&x=1",
    "/A",
    "/a/",
    "/%61",
    "/a?x=%31",
    "/a;b?x",
]
NAMES = [
    *("Cookie", "Origin", "X-A", "X_A", "x-a", "X-B", "Content-Type", "Accept-Version", "Tenant"),
    *("X-Forwarded-Host", "X-Forwarded-For", "X_Forwarded_Host", "Forwarded", "X-Auth-Subject"),
    *("Accept", "Accept-Encoding", "User-Agent", "X-Request-ID", "Foo", "Cache-Control", "Pragma"),
    *("Keep-Alive", "Via", "Client-Cert", "Depth", "Prefer", "Authorization", "X-API-Key"),
]
VALUES = ["1", "2", "1, 2", "", "<a>", "a=b;c", "X-A", "host=1;for=2", "max-age=100", "gzip"]
CONNECTIONS = [
    "close",
    "keep-alive",
    "X-A",
    "cookie, x-b",
    "Accept, Tenant",
    "TE",
    "Host",
    "close, Foo",
]
#: What one cached answer need not have in common with the one without a cache: what HTTP leaves to Vary, and
#: what differs with each request.
LEFT = frozenset(b"accept accept-encoding user-agent x-request-id foo cache-control pragma".split())
OF_EACH = frozenset(b"host x-correlation-id x-forwarded-for x-forwarded-host via".split())


def told(answer: RawAnswer, left: frozenset[bytes]) -> tuple[object, ...]:
    """What the service saw, by its answer; of the gateway's own refusals the status."""
    if answer.status != 200:
        return (answer.status,)
    head, _, body = answer.body.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    split = [field.partition(b": ")[::2] for field in fields]
    seen = [(name.lower(), value) for name, value in split if name.lower() not in left | OF_EACH]
    # The length of a body stands where the client has put it, or at the end.
    return answer.status, line, sorted(seen, key=lambda field: field[0]), body


def made(rng: random.Random) -> tuple[str, list[str], str]:
    """A request line, fields, and a body."""
    method = rng.choice(["GET"] * 8 + ["QUERY", "HEAD"])
    body = rng.choice(["a", "b"]) if method == "QUERY" else ""
    fields = [
        f"{rng.choice(NAMES)}: {rng.choice(VALUES)}" for _ in range(rng.choice([0, 1, 1, 2, 3]))
    ]
    if rng.random() < 0.2:
        fields.insert(rng.randint(0, len(fields)), f"Connection: {rng.choice(CONNECTIONS)}")
    if body:
        fields.append(f"Content-Length: {len(body)}")
    return f"{method} {rng.choice(TARGETS[: rng.choice([2, 10])])} HTTP/1.1", fields, body


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("setting", ["", 'key_headers: ["*"]'])
@pytest.mark.parametrize("trusted", ["", "127.0.0.1"])
async def test_answers_are_those_without_a_cache(
    start_configured: StartConfigured, seed: int, setting: str, trusted: str
) -> None:
    rng, hits = random.Random(seed), 0
    left = LEFT if not setting else LEFT - {b"foo"}
    configured = await start_configured(
        FILE.replace("KEY", setting), telling(), TRUSTED_PROXIES=trusted
    )

    async def ask(host: str, line: str, fields: list[str], body: str) -> RawAnswer:
        data = "\r\n".join((line, f"Host: {host}", *fields, "", body)).encode()
        return await exchange(configured.gateway.port, data, to_head=line.startswith("HEAD"))

    async def compared(line: str, fields: list[str], body: str) -> bool:
        kept = await ask("kept.example", line, fields, body)
        plain = await ask("plain.example", line, fields, body)
        assert told(kept, left) == told(plain, left), (line, fields, body)
        return hit(kept)

    for _ in range(40):
        requests = [made(rng) for _ in range(6)]
        hits += sum(await asyncio.gather(*[compared(*request) for request in requests]))
    assert hits > 30
