"""Clients that leave while parts are asked, and what is left of that then."""

import asyncio
import gc
from typing import Any

import pytest

from middlewares.compose.room import MOST_HELD_BYTES
from middlewares.exchange import Exchange
from tests.http.configured.conftest import StartConfigured
from tests.support.composing import SERVICES, Services, said
from tests.support.eventually import eventually
from tests.support.raw_clients import RawClient

FILE = (
    SERVICES
    + """
    routes:
      - name: page
        match: {prefix: /}
        limits: null
        respond:
          compose:
            parts:
              first: {service: user_service, path: /first}
              second: {service: order_service, path: "/second/{parts.first./id}"}
              beside: {service: price_service, path: /beside, optional: true}
"""
)
ANSWERS = {
    "/first": said('{"id": 1, "pad": "' + "x" * 100_000 + '"}'),
    "/second/1": said("2"),
    "/beside": said("3"),
}
ONE = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"


@pytest.mark.parametrize(
    ("gated", "left"),
    [
        (["/first", "/beside"], ["/beside", "/first"]),
        (["/second/1", "/beside"], ["/beside", "/second/1"]),
        (["/beside"], ["/beside"]),
        (["/second/1"], ["/second/1"]),
    ],
)
async def test_nothing_is_left_of_a_composition_whose_client_leaves(
    start_configured: StartConfigured, gated: list[str], left: list[str]
) -> None:
    asked = Services(ANSWERS, {target: asyncio.Event() for target in gated})
    configured = await start_configured(FILE, asked, registers=False)
    mistakes: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: mistakes.append(context))
    gateway = configured.gateway.gateway
    before = len(asyncio.all_tasks())
    client = await RawClient.connect(configured.gateway.port)
    await client.send(ONE)
    await eventually(lambda: set(gated) <= set(asked.targets))
    if "/first" not in gated:
        assert gateway.compositions is not None
        assert gateway.compositions.room.bytes >= 100_000
    client.writer.transport.abort()
    await eventually(lambda: sorted(asked.left) == left)
    await eventually(lambda: not any(gateway.metrics.in_flight.values()))
    await eventually(
        lambda: gateway.compositions is not None and gateway.compositions.room.bytes == 0
    )
    await eventually(lambda: len(asyncio.all_tasks()) <= before)
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, Exchange)]
    assert mistakes == []


async def test_what_answers_took_is_given_back(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE, Services(ANSWERS), registers=False)
    compositions = configured.gateway.gateway.compositions
    assert compositions is not None
    for _ in range(3):
        assert (await configured.ask("/")).status == 200
        await eventually(lambda: compositions.room.bytes == 0)


async def test_no_answer_is_read_on_while_the_room_is_full(
    start_configured: StartConfigured,
) -> None:
    """All that wait for their answers at once had found room before."""
    asked = Services({"/beside": said(b" " * 1_000_000 + b"3")})
    file = "".join(
        line
        for line in FILE.splitlines(keepends=True)
        if "first" not in line and "second" not in line
    )
    configured = await start_configured(file, asked, registers=False)
    compositions = configured.gateway.gateway.compositions
    assert compositions is not None
    compositions.room.take(MOST_HELD_BYTES - 200_000)
    answer = await configured.ask("/")
    assert answer.values(b"x-partial") == [b"beside;reason=overloaded"]
    await eventually(lambda: compositions.room.bytes == MOST_HELD_BYTES - 200_000)


async def test_no_part_is_asked_while_the_room_is_full(start_configured: StartConfigured) -> None:
    asked = Services(ANSWERS)
    configured = await start_configured(FILE, asked, registers=False)
    compositions = configured.gateway.gateway.compositions
    assert compositions is not None
    compositions.room.take(10**9)
    answer = await configured.ask("/")
    assert answer.status == 503
    assert b'"overloaded"' in answer.body
    assert asked.asked == []
