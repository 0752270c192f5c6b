"""`lockgate drain` and `deregister` take instances out through the gateway."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.conftest import StartGateway, StartKeepAlive, StartUpstream
from tests.http.test_command_line import lockgate
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.registry_events import events_of
from tests.support.registry_servers import free_port
from tests.support.upstreams import OK, Received, ServedConnection


@pytest.fixture
async def gateway(start_gateway: StartGateway, start_upstream: StartUpstream) -> RunningGateway:
    """A gateway with two instances of orders_service and one of billing."""
    gateway = await start_gateway()
    for name, instance_id in (("orders_service", "o1"), ("orders_service", "o2"), ("billing", "b")):
        upstream = await start_upstream()
        await gateway.register(name, upstream.port, instance_id, ttl=600)
    return gateway


def at(gateway: RunningGateway) -> list[str]:
    return ["--url", gateway.url, "--token", ADMIN_TOKEN]


async def statuses(gateway: RunningGateway) -> dict[str, str]:
    listed = (await gateway.admin("GET", "/services")).json()["services"]
    return {one["id"]: one["status"] for service in listed for one in service["instances"]}


@pytest.mark.parametrize(
    "words", [["orders_service", "o1"], ["orders", "o1"], ["orders_service/o1"], ["o1"]]
)
async def test_an_instance_is_drained_by_each_of_its_names(
    gateway: RunningGateway, tmp_path: Path, words: list[str]
) -> None:
    status, out, error = await lockgate(tmp_path, "drain", *words, *at(gateway))

    assert (status, error) == (0, "")
    assert "o1" in out
    now = await statuses(gateway)
    assert (now["o1"], now["o2"] == "draining", now["b"] == "draining") == (
        "draining",
        False,
        False,
    )


async def test_a_drain_that_is_waited_for_says_that_it_is_complete(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    status, out, _ = await lockgate(
        tmp_path, "drain", "orders", "o1", "--wait", "30", "--json", *at(gateway)
    )

    assert status == 0
    assert json.loads(out) == {
        "service": "orders_service",
        "instance": "o1",
        "complete": True,
        "workers": 1,
        "missing": 0,
        "in_flight": 0,
    }


async def test_a_drain_that_is_not_complete_in_time_is_status_1_and_says_what_is_left(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, tmp_path: Path
) -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def answer_at_last(_: Received, connection: ServedConnection) -> None:
        begun.set()
        await release.wait()
        await connection.send(OK)

    gateway = await start_gateway()
    upstream = await start_keep_alive(answer_at_last)
    await gateway.register("orders", upstream.port, "o1", health_check_url="/health")
    await eventually(lambda: gateway.member.health.status("orders/o1") == "healthy")
    request = asyncio.create_task(gateway.get("/api/orders/"))
    await asyncio.wait_for(begun.wait(), 15)

    status, table, _ = await lockgate(tmp_path, "drain", "orders/o1", "--wait", "0", *at(gateway))
    _, document, _ = await lockgate(
        tmp_path, "drain", "orders/o1", "--wait", "0", "--json", *at(gateway)
    )

    assert status == 1
    assert "in flight" in table
    answer = json.loads(document)
    assert (answer["complete"], answer["in_flight"]) == (False, 1)
    release.set()
    await request


async def test_all_instances_of_a_service_are_drained_or_deregistered(
    gateway: RunningGateway, tmp_path: Path, registry_url: str
) -> None:
    status, out, _ = await lockgate(tmp_path, "drain", "orders", "--all", "--json", *at(gateway))
    assert status == 0
    assert [one["instance"] for one in json.loads(out)] == ["o1", "o2"]
    assert list((await statuses(gateway)).values()).count("draining") == 2

    status, _, _ = await lockgate(tmp_path, "deregister", "orders", "--all", *at(gateway))
    assert status == 0
    assert list(await statuses(gateway)) == ["b"]
    assert events_of(registry_url).count("deregistered") == 2


async def test_an_instance_is_deregistered(gateway: RunningGateway, tmp_path: Path) -> None:
    status, out, _ = await lockgate(
        tmp_path, "deregister", "orders_service", "o1", "--json", *at(gateway)
    )

    assert status == 0
    assert json.loads(out) == {
        "service": "orders_service",
        "instance": "o1",
        "deregistered": True,
    }
    assert sorted(await statuses(gateway)) == ["b", "o2"]


@pytest.mark.parametrize(
    ("words", "expected", "said"),
    [
        (["orders", "o9"], 1, "no instance o9 of orders_service; there are: o1, o2"),
        (["shop", "o1"], 1, "there are: billing, orders_service"),
        (["o9"], 1, "there are: billing/b, orders_service/o1, orders_service/o2"),
        (["orders"], 2, "orders is a service: name an instance of it, or --all"),
        (["orders", "o1", "--all"], 2, "--all"),
        (["orders", "o1", "o2"], 2, "one instance"),
        (["orders", "o1", "--wait", "61"], 2, "--wait"),
    ],
)
async def test_what_there_is_not_is_said_with_what_there_is(
    gateway: RunningGateway, tmp_path: Path, words: list[str], expected: int, said: str
) -> None:
    status, out, error = await lockgate(tmp_path, "drain", *words, *at(gateway))

    assert (status, out) == (expected, "")
    assert said in error
    assert "draining" not in (await statuses(gateway)).values()


async def test_an_id_that_two_services_have_needs_its_service(
    gateway: RunningGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    upstream = await start_upstream()
    await gateway.register("billing", upstream.port, "o1", ttl=600)

    status, _, error = await lockgate(tmp_path, "deregister", "o1", *at(gateway))

    assert status == 2
    assert "billing/o1, orders_service/o1" in error


async def test_a_token_that_is_missing_or_another_is_said(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    here = ["drain", "orders", "o1", "--url", gateway.url]

    missing, _, said = await lockgate(tmp_path, *here)
    wrong, _, also_said = await lockgate(tmp_path, *here, "--token", "another-token-of-theirs")

    assert (missing, "--token or ADMIN_TOKEN" in said) == (2, True)
    assert (wrong, "another admin token" in also_said) == (1, True)


async def test_a_gateway_without_a_token_takes_no_changes_and_that_is_said(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    gateway, upstream = await start_gateway(ADMIN_TOKEN=""), await start_upstream()
    registry = gateway.member.registry
    await registry.register_service("orders", "localhost", upstream.port, instance_id="o1")
    await eventually(lambda: gateway.member.health.status("orders/o1"))

    status, _, error = await lockgate(
        tmp_path, "drain", "orders", "o1", "--url", gateway.url, "--token", "some-token-or-other"
    )

    assert (status, "start it with ADMIN_TOKEN" in error) == (1, True)


async def test_the_public_port_of_a_gateway_with_another_for_its_admin_is_said(
    start_upstream: StartUpstream, tmp_path: Path
) -> None:
    problem = b'{"reason": "route_not_found", "detail": "no such route"}'
    head = f"HTTP/1.1 404 Not Found\r\nContent-Length: {len(problem)}\r\n\r\n"
    public = await start_upstream(head.encode() + problem)

    status, _, error = await lockgate(
        tmp_path, "drain", "o1", "--url", f"http://127.0.0.1:{public.port}", "--token", "t" * 16
    )

    assert (status, "ADMIN_LISTEN" in error) == (1, True)


async def test_the_stacks_own_gateway_and_token_are_found(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    token = tmp_path / ".lockgate" / "0" / "admin-token"
    token.parent.mkdir(parents=True)
    token.write_text(ADMIN_TOKEN)
    variables = {"GATEWAY_PORT": str(gateway.port), "PORT_OFFSET": "0"}

    status, _, error = await lockgate(tmp_path, "drain", "o1", variables=variables)

    assert (status, error) == (0, "")


async def test_a_gateway_that_does_not_answer_is_said(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    status, _, error = await lockgate(tmp_path, "deregister", "o1", "--url", nowhere)
    assert (status, "no gateway answers" in error, len(error.splitlines())) == (1, True, 1)
