"""A 503 says why: most first mistakes are a health path that the service does not have."""

import shlex
import sys
from pathlib import Path

import pytest

from discovery import AsyncServiceRegistry
from discovery.health.advice import advice
from tests.conftest import StartGateway, StartUpstream
from tests.http.test_command_line import lockgate
from tests.support.eventually import eventually
from tests.support.gateway_processes import until
from tests.support.gateways import ADMIN_TOKEN, Answer, RunningGateway
from tests.support.registered_programs import LOCKGATE, REPOSITORY
from tests.support.terminals import Terminal

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
NO_PATH = "GET /probe answers 404, expected 200 to 299"
UNAVAILABLE = "no instance of orders is available now: "
#: A field of a client behind a proxy on this machine.
ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}


async def became(gateway: RunningGateway, status: str, *ids: str) -> None:
    health = gateway.member.health
    await eventually(lambda: all(health.status(f"orders/{one}") == status for one in ids))


def detail_of(answer: Answer) -> str:
    assert (answer.status, answer.reason) == (503, "no_healthy_instance")
    assert answer.headers["Retry-After"] == "1"
    return str(answer.json()["detail"])


async def test_a_service_without_its_health_path_is_told_from_one_that_is_not_there(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream(NOT_FOUND)
    url = "/probe?token=s3cret"
    await gateway.register("orders", upstream.port, "a", routable=False, health_check_url=url)
    await became(gateway, "unhealthy", "a")

    here = detail_of(await gateway.get("/api/orders/1?key=s3cret"))
    elsewhere = detail_of(await gateway.get("/api/orders", headers=ELSEWHERE))
    operator = detail_of(await gateway.admin("GET", "/api/orders", headers=ELSEWHERE))

    assert here == operator == f"{UNAVAILABLE}1 unhealthy: {NO_PATH}, at 127.0.0.1:{upstream.port}"
    assert elsewhere == f"{UNAVAILABLE}1 unhealthy: {NO_PATH}"


async def test_the_last_thing_seen_is_told_and_not_what_was_seen_first(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """Somebody who fixes the path and breaks something else reads about what is broken now."""
    gateway, upstream = await start_gateway(), await start_upstream(NOT_FOUND)
    await gateway.register("orders", upstream.port, routable=False, health_check_url="/probe")
    await became(gateway, "unhealthy", "i1")
    assert NO_PATH in detail_of(await gateway.get("/api/orders"))

    await upstream.stop()

    async def is_told() -> bool:
        told = detail_of(await gateway.get("/api/orders", headers=ELSEWHERE))
        return told == f"{UNAVAILABLE}1 unhealthy: connect failed: Connection refused"

    await until(is_told)


@pytest.mark.parametrize("headers", [{}, ELSEWHERE], ids=["here", "elsewhere"])
async def test_instances_are_counted_by_their_state(
    start_gateway: StartGateway, start_upstream: StartUpstream, headers: dict[str, str]
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    ill = await start_upstream(NOT_FOUND)
    for one in ("a", "b"):
        await gateway.register("orders", ill.port, one, routable=False, health_check_url="/probe")
    await gateway.register("orders", upstream.port, "idle", weight=0)
    await gateway.register("orders", upstream.port, "leaves")
    await gateway.admin("POST", "/services/orders/instances/leaves/drain")
    await became(gateway, "unhealthy", "a", "b")

    told = detail_of(await gateway.get("/api/orders", headers=headers))

    where = "" if headers else f", at 127.0.0.1:{ill.port}"
    states = f"1 draining; 1 healthy with weight 0; 2 unhealthy: {NO_PATH}{where}"
    assert told == UNAVAILABLE + states


async def test_a_refused_connect_is_told_before_any_probe_has_failed(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(HEALTH_CHECK_INTERVAL="60"), await start_upstream()
    await gateway.register("orders", upstream.port)
    await upstream.stop()

    told = detail_of(await gateway.get("/api/orders", headers=ELSEWHERE))

    assert told.startswith(f"{UNAVAILABLE}1 ")
    assert told.endswith(": connect failed: Connection refused")


async def test_a_service_of_which_nothing_is_left_is_said_to_have_none_registered(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway = await start_gateway()
    await gateway.register("orders", (await start_upstream()).port)
    await gateway.admin("DELETE", "/services/orders/instances/i1")

    assert detail_of(await gateway.get("/api/orders")) == f"{UNAVAILABLE}none is registered"


async def test_an_address_that_is_never_connected_to_is_for_those_with_the_token(
    start_gateway: StartGateway, registry_url: str
) -> None:
    gateway = await start_gateway()
    async with AsyncServiceRegistry(registry_url) as registry:
        await registry.register_service("orders", "169.254.1.2", 80, instance_id="i1")
    await became(gateway, "unhealthy", "i1")

    public = detail_of(await gateway.get("/api/orders", headers=ELSEWHERE))
    whole = detail_of(await gateway.admin("GET", "/api/orders", headers=ELSEWHERE))

    assert "169.254" not in public
    assert public.endswith("connect failed: the address is never connected to")
    assert "169.254.1.2" in whole


async def test_the_table_of_services_says_why(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream(NOT_FOUND)
    await gateway.register(
        *("orders", upstream.port), routable=False, health_check_url="/probe", ttl=600
    )
    await became(gateway, "unhealthy", "i1")
    here = ["services", "--url", gateway.url]

    status, whole, _ = await lockgate(tmp_path, *here, "--token", ADMIN_TOKEN)
    _, public, _ = await lockgate(tmp_path, *here)
    _, wrong, _ = await lockgate(tmp_path, *here, "--token", "another-token-of-tests")

    assert status == 0
    assert NO_PATH in whole
    assert whole.endswith(f"\n\norders, i1: {advice(NO_PATH, '127.0.0.1')}\n")
    assert "give the path" not in public + wrong
    assert "(needs --token)" in public
    assert "(needs another --token)" in wrong


async def test_address_and_reason_are_whole_on_a_narrow_terminal(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    """They were broken inside words (`http://12`, `7.0.0.1:1`), so that no address could be copied."""
    gateway, upstream = await start_gateway(), await start_upstream(NOT_FOUND)
    await gateway.register(
        *("orders", upstream.port, "orders-4f1c2ab9"),
        routable=False,
        health_check_url="/probe",
        ttl=600,
    )
    await became(gateway, "unhealthy", "orders-4f1c2ab9")
    variables = {"COLUMNS": "80", "PYTHONUTF8": "1", "PYTHONPATH": str(REPOSITORY)}

    async with Terminal(sys.executable, tmp_path, variables) as terminal:
        terminal.type(shlex.join([*LOCKGATE, "services", "--url", gateway.url]))
        terminal.type(f" --token {ADMIN_TOKEN}; echo en''d\n")
        await eventually(lambda: "\nend" in terminal.shown, within_s=20)
        shown, _, _ = terminal.shown.partition("\nend")
        lines = shown.splitlines()

    first = next(index for index, line in enumerate(lines) if line.startswith("service "))
    headings, row, why = lines[first : first + 3]
    assert headings.split() == ["service", "instance", "url", "status", "version", "weight"]
    assert row.split()[2:4] == [f"http://127.0.0.1:{upstream.port}", "unhealthy"]
    assert why == f"  why: {NO_PATH}"
