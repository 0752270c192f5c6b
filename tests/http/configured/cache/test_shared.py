"""Several gateways keep answers in Redis, and one request to the service serves the clients of all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway, gateway_settings
from tests.support.raw_clients import RawAnswer, exchange
from tests.support.registry_servers import RegistryServer
from tests.support.upstreams import Received, Script, ScriptedUpstream

FILE = """
    defaults:
      limits: null
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        cache: {stores: redis}
"""


@dataclass
class Service:
    """Answers with `head` and a body that counts the requests, once it is let."""

    head: str = "Cache-Control: max-age=60\r\n"
    status: str = "200 OK"
    go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        self.asked.append(received.head.decode("latin-1"))
        body = str(len(self.asked))
        await self.go.wait()
        writer.write(
            f"HTTP/1.1 {self.status}\r\n{self.head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )


@dataclass
class Several:
    gateways: list[RunningGateway]
    upstream: ScriptedUpstream

    async def ask(
        self, number: int, path: str = "/a", *fields: str, method: str = "GET"
    ) -> RawAnswer:
        lines = "".join(f"{line}\r\n" for line in ("Host: a.example", *fields))
        request = f"{method} {path} HTTP/1.1\r\n{lines}\r\n"
        return await exchange(
            self.gateways[number].port, request.encode(), to_head=method == "HEAD"
        )

    def status(self, answer: RawAnswer) -> bytes:
        return answer.values(b"cache-status")[0]


Start = Callable[..., Awaitable[Several]]


@pytest.fixture
async def start(
    own_registry: RegistryServer, start_upstream: StartUpstream, tmp_path: Path
) -> AsyncIterator[Start]:
    """`await start(service, 3)`: three gateways with the file, and a service."""
    running: list[RunningGateway] = []

    async def begin(service: Script, number: int = 2, text: str = FILE) -> Several:
        file = tmp_path / "lockgate.yaml"
        file.write_text(dedent(text))
        upstream = await start_upstream(service)
        environment = {"REDIS_URL": own_registry.url, "GATEWAY_CONFIG": str(file)}
        settings = gateway_settings(environment)
        running.extend([await RunningGateway.start(settings) for _ in range(number)])
        await running[0].register("order_service", upstream.port, health_check_url="/health")
        for gateway in running:
            await eventually(
                lambda gateway=gateway: gateway.member.view.is_registered("order_service")
            )
        return Several(running, upstream)

    yield begin
    for gateway in running:
        await gateway.stop()


async def shared(several: Several, number: int = 0) -> None:
    """Wait until what this gateway fetches is in Redis."""
    remembering = several.gateways[number].gateway.remembering
    assert remembering is not None

    async def is_there() -> bool:
        counts = await remembering.shared.counts()
        return counts is not None and counts.entries > 0

    await eventually(is_there)


async def test_what_one_gateway_has_fetched_another_one_serves(start: Start) -> None:
    service = Service()
    service.go.set()
    several = await start(service)
    assert several.status(await several.ask(0)).endswith(b"stored")
    await shared(several)
    answer = await several.ask(1)
    assert several.status(answer).startswith(b"lockgate; hit; ttl=")
    assert answer.values(b"age")
    assert answer.body == b"1"
    assert len(service.asked) == 1


async def test_clients_of_all_gateways_share_one_request(start: Start) -> None:
    service = Service()
    several = await start(service, 4)
    asking = [asyncio.create_task(several.ask(number % 4)) for number in range(100)]
    await eventually(lambda: service.asked)
    service.go.set()
    answers = await asyncio.gather(*asking)
    assert {answer.body for answer in answers} == {b"1"}
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("cache", "is_asked"), [("null", False), ("{stores: memory}", True), ("{stores: redis}", True)]
)
async def test_the_registry_hears_of_a_cache_only_where_a_route_has_one(
    start: Start, own_registry: RegistryServer, cache: str, is_asked: bool
) -> None:
    service = Service()
    service.go.set()
    with own_registry.client() as client, client.monitor() as monitor:
        several = await start(service, 1, FILE.replace("{stores: redis}", cache))
        for method in ("GET", "GET", "HEAD", "POST"):
            assert (await several.ask(0, method=method)).status == 200
        remembering = several.gateways[0].gateway.remembering
        assert remembering is not None
        if is_asked:
            await eventually(lambda: remembering.purging.rounds > 0)
        client.echo("the end")
        commands: list[str] = []
        while not commands or "the end" not in commands[-1]:
            commands.append(monitor.next_command()["command"])
    assert len(commands) > 10, "it asks for services all the same"
    assert any(":cache:" in command for command in commands) is is_asked


async def test_what_can_t_be_kept_holds_nobody_up_in_any_gateway(start: Start) -> None:
    service = Service("Cache-Control: no-store\r\n")
    service.go.set()
    several = await start(service)
    assert several.status(await several.ask(0)).endswith(b"detail=no-store")
    answers = await asyncio.gather(*(several.ask(1) for _ in range(5)))
    assert {answer.status for answer in answers} == {200}
    assert len(service.asked) == 6
    again = await several.ask(1)
    assert several.status(again).endswith(b"detail=no-store")


async def test_variants_are_shared_too(start: Start) -> None:
    service = Service("Cache-Control: max-age=60\r\nVary: Accept\r\n")
    service.go.set()
    several = await start(service)
    bodies = [
        (await several.ask(number, "/a", f"Accept: text/{kind}")).body
        for number, kind in ((0, "html"), (0, "plain"))
    ]
    await shared(several)
    await eventually(lambda: _both_are_shared(several))
    there = [
        (await several.ask(1, "/a", f"Accept: text/{kind}")).body for kind in ("html", "plain")
    ]
    assert there == bodies == [b"1", b"2"]
    assert len(service.asked) == 2


async def _both_are_shared(several: Several) -> bool:
    remembering = several.gateways[0].gateway.remembering
    assert remembering is not None
    counts = await remembering.shared.counts()
    return counts is not None and counts.entries == 2


async def test_head_and_only_if_cached_find_what_another_gateway_keeps(start: Start) -> None:
    service = Service()
    service.go.set()
    several = await start(service, 3)
    missing = await several.ask(1, "/a", "Cache-Control: only-if-cached")
    assert missing.status == 504
    await several.ask(0)
    await shared(several)
    assert (await several.ask(1, "/a", "Cache-Control: only-if-cached")).body == b"1"
    head = await several.ask(2, "/a", method="HEAD")
    assert (head.status, head.body, head.values(b"content-length")) == (200, b"", [b"1"])
    assert len(service.asked) == 1


async def test_a_change_through_one_gateway_is_seen_through_all(start: Start) -> None:
    """The gateway that was told of it dropped what it had, and took the old answer from Redis again."""
    service = Service()
    service.go.set()
    several = await start(service)
    assert (await several.ask(0)).body == b"1"
    await shared(several)
    assert (await several.ask(1)).body == b"1"
    assert (await several.ask(0, "/a", method="POST")).status == 200
    assert (await several.ask(0)).body != b"1"

    async def is_new() -> bool:
        return (await several.ask(1)).body != b"1"

    await eventually(is_new)


async def test_a_stale_answer_of_another_gateway_is_validated(start: Start) -> None:
    service = Service('Cache-Control: max-age=0, stale-if-error=60\r\nETag: "1"\r\n')
    service.go.set()
    several = await start(service)
    await several.ask(0)
    await shared(several)
    service.status = "304 Not Modified"
    assert (await several.ask(1)).body == b"1"
    assert 'If-None-Match: "1"' in service.asked[-1]


async def test_a_gateway_goes_on_without_redis_and_finds_it_again(
    start: Start, own_registry: RegistryServer
) -> None:
    service = Service()
    service.go.set()
    several = await start(service)
    await several.ask(0)
    await shared(several)
    own_registry.kill()
    assert (await several.ask(1)).body == b"2"
    assert (await several.ask(0)).body == b"1"  # the worker's own memory
    own_registry.start()

    async def is_shared() -> bool:
        path = f"/{len(service.asked)}"
        await several.ask(0, path)
        return b"hit" in several.status(await several.ask(1, path))

    await eventually(is_shared)


async def test_a_gateway_that_starts_serves_what_the_others_keep(
    start: Start, own_registry: RegistryServer
) -> None:
    service = Service()
    service.go.set()
    several = await start(service)
    await several.ask(0)
    await shared(several)
    remembering = several.gateways[1].gateway.remembering
    assert remembering is not None
    await eventually(lambda: remembering.purging.is_current)
    assert (await several.ask(1)).body == b"1"
    assert len(service.asked) == 1


async def test_nobody_waits_for_an_answer_that_serves_one_request_alone(start: Start) -> None:
    """They queued up behind each other, in all gateways, for what each had to validate by itself."""
    service = Service('Cache-Control: max-age=0\r\nETag: "1"\r\n')
    service.go.set()
    several = await start(service)
    await several.ask(0)
    await shared(several)
    service.go.clear()
    before = len(service.asked)
    asking = [asyncio.create_task(several.ask(number % 2)) for number in range(6)]
    await eventually(lambda: len(service.asked) >= before + 2)
    service.go.set()
    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}


async def test_what_the_service_takes_back_is_gone_for_all(start: Start) -> None:
    service = Service('Cache-Control: max-age=0, stale-if-error=60\r\nETag: "1"\r\n')
    service.go.set()
    several = await start(service)
    await several.ask(0)
    await shared(several)
    service.head = "Cache-Control: no-store\r\n"
    assert (await several.ask(0)).body == b"2"
    remembering = several.gateways[0].gateway.remembering
    assert remembering is not None

    async def is_gone() -> bool:
        return await remembering.shared.counts() == (0, 0, 0)

    await eventually(is_gone)


async def test_the_endpoints_say_what_is_in_redis(start: Start) -> None:
    service = Service()
    service.go.set()
    several = await start(service)
    await several.ask(0)
    await shared(several)
    gateway = several.gateways[1]
    stats = (await gateway.admin("GET", "/cache")).json()
    assert (stats["redis"]["entries"], stats["redis"]["away"]) == (1, False)
    assert stats["memory"]["entries"] == 0
    shown, missing = [
        (await gateway.admin("GET", f"/cache/show?url=http://a.example/{name}")).json()
        for name in ("a", "b")
    ]
    assert (shown["served"], shown["status"], missing["served"]) == (True, 200, False)


async def test_a_purge_takes_what_all_gateways_keep(start: Start) -> None:
    service = Service()
    service.go.set()
    several = await start(service)
    await several.ask(0)
    await shared(several)
    answer = await several.gateways[1].admin("POST", "/cache/purge", json={"prefix": "/a"})
    assert (answer.status, answer.json()["purged"] >= 1) == (200, True)
    assert [(await several.ask(number)).body for number in (0, 1)] == [b"2", b"2"]
