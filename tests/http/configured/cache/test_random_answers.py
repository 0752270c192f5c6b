"""Random requests for answers of all kinds: with a cache they are what they are without one.

A path says what the service says of its answer: how long it is fresh, what it varies by, and whom it is for. Each
answer has an ETag of what the service saw, so that a validation with another client's fields is noticed.
"""

import asyncio
import hashlib
import random

import pytest

from tests.http.configured.cache.test_poisoning import hit
from tests.http.configured.cache.test_random_requests import FILE, LEFT, NAMES, VALUES, told
from tests.http.configured.conftest import StartConfigured
from tests.support.raw_clients import RawAnswer, exchange
from tests.support.upstreams import Received

CONTROLS = [
    *("max-age=300", "max-age=0", "no-cache", "no-store", "private, max-age=300", "s-maxage=300"),
    *(
        "public, max-age=300",
        "max-age=0, stale-while-revalidate=300",
        "max-age=300, must-revalidate",
    ),
    *("max-age=0, must-revalidate", 'max-age=300, no-cache="x-seen"'),
]
#: With these an answer goes from and to clients with a credential.
FOR_ALL = frozenset(["public", "s-maxage=300", "must-revalidate"])
CREDENTIALS = frozenset([b"authorization", b"x-api-key"])
VARIES = ["", "Accept", "accept-encoding, Foo", "User-Agent, X-A", "*", "Cookie", "Authorization"]
OF_EACH = frozenset(b"x-correlation-id if-none-match if-modified-since via x-forwarded-for".split())


async def tell(received: Received, writer: asyncio.StreamWriter) -> None:
    """Answer with what came, as the path says."""
    line, *fields = received.head.split(b"\r\n")[:-2]
    seen = [field for field in fields if field.partition(b":")[0].lower() not in OF_EACH]
    body = b"\r\n".join((line, *seen, b"", received.body))
    control, vary = (int(part) for part in received.target.split(b"/")[1:3])
    etag = b'"%b"' % hashlib.sha256(body).hexdigest().encode()
    lines = [b"Cache-Control: " + CONTROLS[control].encode(), b"ETag: " + etag, b"X-Seen: 1"]
    if VARIES[vary]:
        lines.append(b"Vary: " + VARIES[vary].encode())
    if etag in b",".join(received.values(b"if-none-match")):
        writer.write(b"\r\n".join((b"HTTP/1.1 304 Not Modified", *lines, b"", b"")))
    else:
        lines.append(b"Content-Length: %d" % len(body))
        head = b"\r\n".join((b"HTTP/1.1 200 OK", *lines, b"", b""))
        writer.write(head if line.startswith(b"HEAD") else head + body)
    await writer.drain()


@pytest.mark.parametrize("seed", range(4))
async def test_answers_are_those_without_a_cache(
    start_configured: StartConfigured, seed: int
) -> None:
    rng, served = random.Random(seed), 0
    configured = await start_configured(FILE.replace("KEY", "stale_while_revalidate: 60s"), tell)

    async def ask(host: str, line: str, fields: list[str]) -> RawAnswer:
        data = "\r\n".join((line, f"Host: {host}", *fields, "", "")).encode()
        return await exchange(configured.gateway.port, data, to_head=line.startswith("HEAD"))

    async def compared(control: int, vary: int) -> bool:
        method = rng.choice(["GET", "GET", "GET", "HEAD"])
        line = f"{method} /{control}/{vary} HTTP/1.1"
        fields = [
            f"{rng.choice(NAMES)}: {rng.choice(VALUES)}" for _ in range(rng.choice([0, 1, 2]))
        ]
        names = VARIES[vary].lower().encode().split(b", ")
        kept = await ask("kept.example", line, fields)
        plain = await ask("plain.example", line, fields)
        left = LEFT | CREDENTIALS if FOR_ALL & {*CONTROLS[control].split(", ")} else LEFT
        assert told(kept, left - {*names}) == told(plain, left - {*names}), (line, fields)
        assert kept.values(b"cache-control") == plain.values(b"cache-control")
        return hit(kept)

    for control in range(len(CONTROLS)):
        for vary in range(len(VARIES)):
            asked = [compared(control, vary) for _ in range(6)]
            served += sum(await asyncio.gather(*asked[:4])) + sum(await asyncio.gather(*asked[4:]))
    assert served > 20
