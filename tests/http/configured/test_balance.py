"""Which of several instances gets a request, in each way that a file can name, from outside."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer
from tests.support.upstreams import Received, Script


def named(name: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(name)}\r\n\r\n{name}".encode()


@dataclass(slots=True)
class Balanced:
    """A gateway with a service of several instances, each of which answers with its id."""

    configured: Configured
    start_upstream: StartUpstream

    async def add(self, name: str, answer: bytes | Script | None = None, weight: int = 1) -> None:
        upstream = await self.start_upstream(answer or named(name))
        await self.configured.gateway.register("shop", upstream.port, name, weight=weight)

    async def one(self, *fields: str) -> str:
        return body_of(await self.configured.ask("/api/shop", *fields))

    async def some(self, number: int, *fields: str) -> str:
        return "".join([await self.one(*fields) for _ in range(number)])

    async def homes(self, fields: Sequence[str]) -> dict[str, str]:
        return {field: await self.one(field) for field in fields}


def body_of(answer: RawAnswer) -> str:
    return answer.body.decode()


StartBalanced = Callable[..., Awaitable[Balanced]]


@pytest.fixture
def start_balanced(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> StartBalanced:
    """`await start_balanced("{by: round_robin}", "abc")`: three instances."""

    async def start(balance: str, ids: str = "", **environment: str) -> Balanced:
        text = f"services: {{shop: {{balance: {balance}}}}}"
        balanced = Balanced(
            await start_configured(text, registers=False, **environment), start_upstream
        )
        for name in ids:
            await balanced.add(name)
        return balanced

    return start


async def test_instances_take_turns_by_weight(start_balanced: StartBalanced) -> None:
    balanced = await start_balanced("{by: round_robin}", "ab")
    assert await balanced.some(6) in ("ababab", "bababa")
    await balanced.add("c", weight=4)
    taken = Counter(await balanced.some(12))
    assert taken["c"] in (7, 8, 9)
    assert abs(taken["a"] - taken["b"]) <= 1


async def test_the_one_with_the_fewest_requests_gets_the_next(
    start_balanced: StartBalanced,
) -> None:
    held, let_go = asyncio.Event(), asyncio.Event()

    async def hold(_received: Received, writer: asyncio.StreamWriter) -> None:
        held.set()
        await let_go.wait()
        writer.write(named("h"))

    balanced = await start_balanced("{by: least_request}")
    await balanced.add("h", hold)
    waiting = asyncio.create_task(balanced.one())
    await held.wait()
    await balanced.add("q")
    assert await balanced.some(20) == "q" * 20
    let_go.set()
    assert await waiting == "h"


@pytest.mark.parametrize(
    ("by", "field"),
    [
        ("{hash: {header: X-User}}", "X-User: {}"),
        ("{hash: {cookie: sid}}", "Cookie: a=b; sid={}; c=d"),
        ("{hash: client}", "X-Forwarded-For: 10.0.0.{}"),
    ],
)
async def test_a_key_stays_with_its_instance_when_another_one_goes(
    start_balanced: StartBalanced, by: str, field: str
) -> None:
    balanced = await start_balanced(f"{{by: {by}}}", "abc", TRUSTED_PROXIES="127.0.0.1")
    fields = [field.format(number) for number in range(1, 31)]
    homes = await balanced.homes(fields)
    assert set(homes.values()) == {"a", "b", "c"}
    assert await balanced.homes(fields) == homes

    gateway = balanced.configured.gateway
    await gateway.admin("DELETE", "/services/shop/instances/c")
    await eventually(lambda: "shop/c" not in gateway.member.view.services["shop"])
    after = await balanced.homes(fields)
    assert {one: home for one, home in after.items() if homes[one] != "c"} == {
        one: home for one, home in homes.items() if home != "c"
    }
    assert set(after.values()) == {"a", "b"}


async def test_a_request_without_the_key_goes_to_any_instance(
    start_balanced: StartBalanced,
) -> None:
    balanced = await start_balanced("{by: {hash: {header: X-User}}}", "ab")
    assert set(await balanced.some(30)) == {"a", "b"}


async def test_what_a_hot_key_has_too_much_goes_to_other_instances(
    start_balanced: StartBalanced,
) -> None:
    came, let_go = Counter[str](), asyncio.Event()

    def holding(name: str) -> Script:
        async def hold(_received: Received, writer: asyncio.StreamWriter) -> None:
            came[name] += 1
            await let_go.wait()
            writer.write(named(name))

        return hold

    balanced = await start_balanced("{by: {hash: {header: X-User}}}")
    for name in "abc":
        await balanced.add(name, holding(name))
    asked = [asyncio.create_task(balanced.one("X-User: hot")) for _ in range(30)]
    await eventually(lambda: came.total() == 30)
    # 1.25 times a third of 30, rounded up.
    assert came.most_common(1)[0][1] == 13
    assert len(came) == 3
    let_go.set()
    assert Counter("".join([await one for one in asked])) == came


async def test_a_new_instance_starts_slowly_and_all_that_are_new_do_not(
    start_balanced: StartBalanced,
) -> None:
    balanced = await start_balanced("{by: round_robin, slow_start: 1h}", "a")
    await balanced.some(1)
    await balanced.add("b")
    assert Counter(await balanced.some(22)) == {"a": 20, "b": 2}


async def test_the_one_that_is_clearly_slower_gets_no_more_without_need(
    start_balanced: StartBalanced,
) -> None:
    """It is idle again when the next request comes, so requests in flight would not tell."""

    async def late(_received: Received, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        writer.write(named("s"))

    balanced = await start_balanced("{by: p2c}", "ab")
    await balanced.add("s", late)
    assert "s" in await balanced.some(3)
    # Instances are compared ten times a second.
    while "s" in await balanced.some(20):
        pass
    service = (await balanced.configured.gateway.admin("GET", "/services/shop")).json()
    loads = {one["id"]: one["load"] for one in service["instances"]}
    assert loads["s"]["latency_ms"] >= 300
    assert loads["s"]["slowness"] > 2 > loads["a"]["slowness"]
    assert [one["in_flight"] for one in loads.values()] == [0, 0, 0]


async def test_a_client_in_a_hurry_makes_nobody_look_as_if_it_failed(
    start_balanced: StartBalanced,
) -> None:
    """Each request with a time-out of a millisecond would double the latency of its instance."""
    let_go = asyncio.Event()

    async def hold(_received: Received, _writer: asyncio.StreamWriter) -> None:
        await let_go.wait()

    balanced = await start_balanced("{}")
    await balanced.add("h", hold)
    gateway = balanced.configured.gateway
    for _ in range(8):
        answer = await balanced.configured.ask("/api/shop", "X-Request-Timeout: 0.001")
        assert answer.status == 504
    (instance,) = (await gateway.admin("GET", "/services/shop")).json()["instances"]
    assert (instance["load"]["latency_ms"] or 0) < 500
    let_go.set()


async def test_the_one_that_fails_fast_gets_no_more_either(start_balanced: StartBalanced) -> None:
    balanced = await start_balanced("{}", "ab")
    failing = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1\r\n\r\nf"
    await balanced.add("f", failing)
    # Instances are compared ten times a second, and a third of these fail until then.
    while "f" in await balanced.some(40):
        pass
