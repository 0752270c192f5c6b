"""A mirror that is slow, dead, resetting or huge, and clients that notice none of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.http.configured.mirror.conftest import StartMirrored
from tests.support.eventually import eventually
from tests.support.upstreams import OK, Received

HANGING = "compare: {json: true}, timeout: 10m, in_flight: 3"


async def hang(received: Received, _writer: asyncio.StreamWriter) -> None:
    await received.reader.read()


async def reset(_received: Received, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def huge(received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while not writer.transport.is_closing():
        writer.write(b"1," * 2**15)
        await writer.drain()


async def half_a_head(received: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    await received.reader.read()


async def test_more_copies_than_allowed_are_dropped_and_counted(
    start_mirrored: StartMirrored,
) -> None:
    mirrored = await start_mirrored(mirror=hang, more=HANGING)
    assert await mirrored.configured.statuses(10, "/") == [200] * 10
    await eventually(lambda: len(mirrored.copies) == 3)
    report = await mirrored.report()
    assert report["copies"] == {"too_many": 7}


@pytest.mark.parametrize("script", [hang, half_a_head])
async def test_a_copy_ends_at_its_time_out(
    start_mirrored: StartMirrored, script: Callable[..., Awaitable[None]]
) -> None:
    mirrored = await start_mirrored(mirror=script, more="timeout: 50ms")
    assert await mirrored.configured.statuses(2, "/") == [200] * 2
    await mirrored.reported(upstream_timeout=2)
    await eventually(lambda: mirrored.shadow.open_connections == 0)


async def test_a_mirror_that_resets_is_the_mirrors_matter(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(mirror=reset)
    assert await mirrored.configured.statuses(5, "/") == [200] * 5
    await mirrored.reported(upstream_reset=5)


async def test_a_mirror_that_is_dead_is_the_mirrors_matter(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored()
    await mirrored.shadow.stop()
    assert await mirrored.configured.statuses(5, "/") == [200] * 5

    async def all_counted() -> bool:
        copies = (await mirrored.report())["copies"]
        assert set(copies) <= {"upstream_unreachable", "no_healthy_instance"}
        return bool(sum(copies.values()) == 5)

    await eventually(all_counted)


async def test_a_huge_answer_is_read_no_further_than_the_cap(
    start_mirrored: StartMirrored,
) -> None:
    mirrored = await start_mirrored(mirror=huge, more="compare: {json: true}")
    assert await mirrored.configured.statuses(3, "/") == [200] * 3
    await mirrored.reported(answered=3)
    await eventually(lambda: mirrored.shadow.open_connections == 0)


async def test_a_service_that_is_not_there_is_told_by_the_report(
    start_mirrored: StartMirrored,
) -> None:
    file = """
        routes:
          - name: shop
            match: {prefix: /}
            service: order_service
            limits: null
            mirror: {to: ">=3"}
    """
    mirrored = await start_mirrored(file=file)
    assert (await mirrored.configured.ask("/")).status == 200
    report = await mirrored.reported(no_healthy_instance=1)
    assert report["mirror"] == ">=3"


@pytest.mark.parametrize("script", [hang, reset])
async def test_copies_count_for_no_limit_and_no_breaker(
    start_mirrored: StartMirrored, script: Callable[..., Awaitable[None]]
) -> None:
    async def only_copies(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.values(b"x-lockgate-mirror"):
            await script(received, writer)
        else:
            writer.write(OK)

    file = """
        services:
          shadow: {concurrent: 1, breaker: {}, outliers: {failures: 1}}
        routes:
          - {name: direct, match: {prefix: /direct}, service: shadow, limits: null}
          - name: shop
            match: {prefix: /}
            service: order_service
            limits: null
            mirror: {to: {service: shadow}, timeout: 10m}
    """
    mirrored = await start_mirrored(mirror=only_copies, file=file)
    assert await mirrored.configured.statuses(10, "/") == [200] * 10
    await eventually(lambda: len(mirrored.copies) == 10)
    assert await mirrored.configured.statuses(5, "/direct") == [200] * 5


async def test_a_gateway_ends_with_copies_under_way(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(mirror=hang, more=HANGING)
    await mirrored.configured.ask("/")
    await eventually(lambda: mirrored.copies)
    await mirrored.configured.gateway.stop()
    await eventually(lambda: mirrored.shadow.open_connections == 0)
