"""A part takes no longer than its own time-out, and no longer than the client waits."""

import asyncio
import json

import pytest

from tests.http.configured.conftest import StartConfigured
from tests.support.composing import SERVICES, Services, said
from tests.support.eventually import eventually

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
              user: {service: user_service, path: /user, timeout: USER}
              slow: {service: order_service, path: "/slow", timeout: SLOW, optional: true}
              late: {service: price_service, path: "/late/{parts.slow./id}", optional: true}
"""
)


def file(user: str = "1h", slow: str = "1h") -> str:
    return FILE.replace("USER", user).replace("SLOW", slow)


def services(*gated: str) -> Services:
    answers = {"/user": said('{"id": 1}'), "/slow": said('{"id": 2}'), "/late/2": said("3")}
    return Services(answers, {target: asyncio.Event() for target in gated})


async def test_a_slow_optional_part_is_left_out_with_those_that_need_it(
    start_configured: StartConfigured,
) -> None:
    asked = services("/slow")
    configured = await start_configured(file(slow="50ms"), asked, registers=False)
    answer = await configured.ask("/")
    assert (answer.status, answer.body) == (200, b'{"user":{"id": 1}}')
    assert answer.values(b"x-partial") == [b"slow;reason=upstream_timeout, late;reason=skipped"]
    await eventually(lambda: asked.left == asked.gated)


async def test_a_slow_required_part_is_a_504_and_ends_the_others(
    start_configured: StartConfigured,
) -> None:
    asked = services("/slow", "/user")
    configured = await start_configured(file(user="50ms"), asked, registers=False)
    answer = await configured.ask("/")
    told = json.loads(answer.body)
    assert (answer.status, told["reason"]) == (504, "upstream_timeout")
    assert told["detail"] == "the part user: no whole answer within 0.05 s"
    await eventually(lambda: sorted(asked.left) == sorted(asked.gated))


async def test_the_client_shortens_all_parts(start_configured: StartConfigured) -> None:
    asked = services("/slow")
    configured = await start_configured(file(), asked, registers=False)
    answer = await configured.ask("/", "X-Request-Timeout: 3")
    assert (answer.status, answer.body) == (200, b'{"user":{"id": 1}}')
    told = [float(one.values(b"x-request-timeout")[0]) for one in asked.asked]
    assert all(0 < left <= 3 for left in told)
    await eventually(lambda: asked.left == ["/slow"])


async def test_no_part_is_asked_when_the_clients_time_is_over(
    start_configured: StartConfigured,
) -> None:
    asked = services("/slow")
    configured = await start_configured(
        file()
        .replace("path: /user,", 'path: "/user/{parts.slow./id}",')
        .replace(", optional: true", ""),
        asked,
        registers=False,
    )
    answer = await configured.ask("/", "X-Request-Timeout: 0.05")
    assert (answer.status, json.loads(answer.body)["reason"]) == (504, "upstream_timeout")
    # Nor the first one, where the time was over before its connection was open.
    assert asked.targets in (["/slow"], [])


async def test_a_part_that_gives_up_ends_nobody_elses_request(
    start_configured: StartConfigured,
) -> None:
    """Another client waits for the same answer, which the cache asks for once."""
    text = file(slow="2s").replace(
        "order_service: {", "order_service: {cache: {default_ttl: 60s}, "
    )
    text += "      - {name: direct, match: {path: /slow}, service: order_service, limits: null}\n"
    asked = services("/slow")
    configured = await start_configured(text, asked, registers=False)
    composed = asyncio.ensure_future(configured.ask("/"))
    await eventually(lambda: "/slow" in asked.targets)
    direct = asyncio.ensure_future(configured.ask("/slow"))
    assert b"slow;reason=upstream_timeout" in (await composed).values(b"x-partial")[0]
    asked.gates["/slow"].set()
    assert ((await direct).status, (await direct).body) == (200, b'{"id": 2}')


async def test_parts_are_asked_at_once(start_configured: StartConfigured) -> None:
    """Each answers only once the other has been asked too."""
    asked = services("/slow", "/user")
    configured = await start_configured(file(), asked, registers=False)
    client = asyncio.ensure_future(configured.ask("/"))
    await eventually(lambda: sorted(asked.targets) == ["/slow", "/user"])
    for gate in asked.gates.values():
        gate.set()
    assert (await client).body == b'{"user":{"id": 1},"slow":{"id": 2},"late":3}'


@pytest.mark.parametrize("body", [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b"no HTTP"])
async def test_a_broken_answer_is_that_of_its_service(
    start_configured: StartConfigured, body: bytes
) -> None:
    asked = services()
    asked.answers["/user"] = body
    configured = await start_configured(file(), asked, registers=False)
    answer = await configured.ask("/")
    assert answer.status == 502
    assert json.loads(answer.body)["reason"] in ("upstream_reset", "upstream_invalid")


async def test_a_service_without_an_instance(start_configured: StartConfigured) -> None:
    text = file().replace("service: user_service", "service: nobody_service")
    configured = await start_configured(text, services(), registers=False)
    answer = await configured.ask("/")
    assert (answer.status, json.loads(answer.body)["reason"]) == (503, "no_healthy_instance")
    assert answer.values(b"retry-after") == [b"1"]
