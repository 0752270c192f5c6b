"""Random requests to two gateways that keep answers in Redis: their answers are those without a cache."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from tests.http.configured.cache.test_poisoning import EVIL, hit, telling
from tests.http.configured.cache.test_random_requests import FILE, LEFT, made, told
from tests.http.configured.cache.test_shared import Several
from tests.http.configured.cache.test_shared import start as start
from tests.support.raw_clients import RawAnswer, exchange

Start = Callable[..., Awaitable[Several]]
SHARED = FILE.replace("KEY", "stores: redis")


async def asked(several: Several, number: int, host: str, line: str, *fields: str) -> RawAnswer:
    data = "\r\n".join((line, f"Host: {host}", *fields)).encode()
    to_head = line.startswith("HEAD")
    return await exchange(several.gateways[number].port, data, to_head=to_head)


@pytest.mark.parametrize("seed", range(2))
async def test_answers_are_those_without_a_cache(start: Start, seed: int) -> None:
    rng, hits = random.Random(seed), 0
    several = await start(telling(), text=SHARED)

    async def compared(number: int, line: str, fields: list[str], body: str) -> bool:
        kept = await asked(several, number, "kept.example", line, *fields, "", body)
        plain = await asked(several, number, "plain.example", line, *fields, "", body)
        assert told(kept, LEFT) == told(plain, LEFT), (number, line, fields, body)
        return hit(kept)

    for _ in range(40):
        requests = [(rng.randint(0, 1), *made(rng)) for _ in range(6)]
        hits += sum(await asyncio.gather(*[compared(*request) for request in requests]))
    assert hits > 30


FIELDS = [
    *("X-Forwarded-Host: evil", "X-Original-URL: /evil", "Cookie: evil", "Origin: evil"),
    *("Authorization: evil", "X-API-Key: evil", "Range: bytes=0-3", "If-None-Match: *"),
    *("X-HTTP-Method-Override: evil", "Content-Type: evil", "X-\tEvil: evil"),
]


@pytest.mark.parametrize("field", FIELDS)
async def test_what_one_gateway_is_sent_reaches_no_client_of_another(
    start: Start, field: str
) -> None:
    several = await start(telling(), text=SHARED)
    await asked(several, 0, "kept.example", "GET /a HTTP/1.1", field, "", "")
    for _ in range(3):
        answer = await asked(several, 1, "kept.example", "GET /a HTTP/1.1", "", "")
        assert answer.status == 200
        assert answer.body.startswith(b"GET /a HTTP/1.1\r\n")
        assert EVIL not in answer.head + answer.body
    assert hit(answer)
