"""`lockgate services`, `routes` and `doctor` with a running gateway and registry."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import redis

from gateway.cli.examining.findings import Finding
from gateway.cli.examining.services import services
from gateway.cli.gateway_client import GatewayClient
from gateway.explaining.documents import NO_HEALTHY_INSTANCE
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.registered_programs import LOCKGATE, REPOSITORY
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.stacks import free_offset


async def lockgate(
    folder: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run a command in `folder`; return its exit status, standard output and standard error."""
    kept = {
        key: value for key, value in os.environ.items() if key not in ("REDIS_URL", "ADMIN_TOKEN")
    }
    process = await asyncio.create_subprocess_exec(
        *(*LOCKGATE, *arguments),
        cwd=folder,
        env=kept | {"PYTHONPATH": str(REPOSITORY)} | dict(variables or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), error.decode()


async def test_services_are_shown_as_a_table_or_as_the_gateways_own_document(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders_service", upstream.port, "o-1", metadata={"zone": "a"}, ttl=600)
    here = ["--url", gateway.url]

    status, table, _ = await lockgate(tmp_path, "services", *here)
    _, public, _ = await lockgate(tmp_path, "services", "--json", *here)
    _, whole, _ = await lockgate(tmp_path, "services", "--json", *here, "--token", ADMIN_TOKEN)

    assert status == 0
    assert "orders_service" in table
    assert "o-1" in table
    assert table.startswith("1 service\n")
    assert "metadata" not in json.loads(public)["services"][0]["instances"][0]
    assert json.loads(whole)["services"][0]["instances"][0]["metadata"] == {"zone": "a"}


async def test_a_wrong_token_is_told_beside_what_anybody_is_shown(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders_service", upstream.port, "o-1", ttl=600)
    here = ["services", "--url", gateway.url]

    _, table, wrong = await lockgate(tmp_path, *here, "--token", "another-token-of-somebody")
    _, document, as_json = await lockgate(
        tmp_path, *here, "--json", "--token", "another-token-of-somebody"
    )
    _, _, right = await lockgate(tmp_path, *here, "--token", ADMIN_TOKEN)
    _, _, public = await lockgate(tmp_path, *here)

    assert "o-1" in table
    assert json.loads(document)["count"] == 1
    assert wrong == as_json
    assert wrong == (
        f"lockgate: {gateway.url} takes another admin token, so this is what it shows to anybody: "
        "name its own with --token\n"
    )
    assert (right, public) == ("", "")


async def test_a_weight_of_0_is_told_where_its_url_answers_503(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    """The instance was healthy and the service answered 503, but nothing said why."""
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register(
        "orders_service", upstream.port, "o-1", weight=0, routable=False, ttl=600
    )

    async def is_healthy() -> bool:
        _, table, _ = await lockgate(tmp_path, "services", "--url", gateway.url)
        return "its weight is 0: it gets no requests" in table

    assert await eventually(is_healthy)
    (found,) = await of_services(gateway)
    assert found.state == "failed"
    assert found.detail == (
        f"/api/orders answers 503: o-1 at http://127.0.0.1:{upstream.port} is healthy: "
        "its weight is 0: it gets no requests"
    )
    assert found.advice == "register it with a weight of 1 or more (weight, --weight)"


async def test_routes_tell_which_path_goes_to_which_service(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders_service", upstream.port, ttl=600)

    _, table, _ = await lockgate(tmp_path, "routes", "--url", gateway.url)
    _, document, _ = await lockgate(tmp_path, "routes", "--url", gateway.url, "--json")

    assert "/api/orders/*" in table
    (route,) = json.loads(document)
    assert {"route", "service", "healthy", "total"} == set(route)
    assert (route["route"], route["service"], route["total"]) == (
        "/api/orders",
        "orders_service",
        1,
    )


async def test_a_gateway_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    status, out, error = await lockgate(
        tmp_path, "services", "--url", f"http://127.0.0.1:{free_port()}"
    )

    assert (status, out) == (1, "")
    assert len(error.splitlines()) == 1
    assert "no gateway answers" in error


async def test_where_no_gateway_answers_the_folder_is_told_as_the_reason(tmp_path: Path) -> None:
    """The message was `is it up? Try lockgate ps`, and `ps` then spoke of a checkout."""
    offset = str(free_offset())
    for command in ("services", "routes"):
        status, out, error = await lockgate(tmp_path, command, variables={"PORT_OFFSET": offset})

        assert (status, out, len(error.splitlines())) == (1, "", 1)
        assert f"; no lockgate serve runs in {tmp_path} or above: change into the folder" in error
        assert "give --data-dir FOLDER" in error


async def test_the_doctor_finds_nothing_wrong_where_nothing_is(
    registry_url: str, tmp_path: Path
) -> None:
    offset = free_offset()

    status, out, _ = await lockgate(
        tmp_path,
        "doctor",
        "--json",
        "--port-offset",
        str(offset),
        variables={"REDIS_URL": registry_url},
    )

    findings = _by_check(out)
    assert status == 0
    assert {findings[check]["state"] for check in ("registry", "clocks")} == {"ok"}
    assert findings[f"port {8080 + offset}"]["state"] == "ok"


async def test_the_doctor_says_what_is_wrong_and_what_to_do(
    registry_url: str, tmp_path: Path
) -> None:
    offset = free_offset()
    with socket.create_server(("127.0.0.1", 8080 + offset)):
        status, out, _ = await lockgate(
            tmp_path,
            *("doctor", "--json", "--port-offset", str(offset)),
            variables={"REDIS_URL": registry_url, "RATE_LIMIT_REQUESTS": "many"},
        )

    findings = _by_check(out)
    assert status == 1
    port = findings[f"port {8080 + offset}"]
    assert (port["state"], "PORT_OFFSET" in port["advice"]) == ("warning", True)
    assert "RATE_LIMIT_REQUESTS='many'" in findings["settings"]["detail"]
    assert findings["settings"]["state"] == "failed"


async def test_the_doctor_fails_a_registry_that_is_named_and_away(tmp_path: Path) -> None:
    """A wrong REDIS_URL was only a warning, with exit status 0."""
    away = f"redis://127.0.0.1:{free_port()}/0"

    status, out, _ = await lockgate(tmp_path, "doctor", "--json", variables={"REDIS_URL": away})

    registry = _by_check(out)["registry"]
    assert (status, registry["state"]) == (1, "failed")
    assert away in registry["detail"]
    assert "correct REDIS_URL" in registry["advice"]


async def test_the_doctor_warns_of_a_port_that_only_the_examples_need_and_names_who_has_it(
    registry_url: str, tmp_path: Path
) -> None:
    """A user's own program on port 8000 counted as a failure."""
    offset = free_offset()
    with socket.create_server(("127.0.0.1", 8000 + offset)):
        status, out, _ = await lockgate(
            tmp_path,
            *("doctor", "--json", "--port-offset", str(offset)),
            variables={"REDIS_URL": registry_url},
        )

    port = _by_check(out)[f"port {8000 + offset}"]
    assert (status, port["state"]) == (0, "warning")
    assert f"(pid {os.getpid()})" in port["detail"]
    assert "lockgate serve" in port["advice"]


@pytest.mark.parametrize(
    ("variable", "value", "meant"),
    [
        ("RATE_LIMIT", "5", "RATE_LIMIT_REQUESTS"),
        ("LOCKGATE_PORT", "9000", "GATEWAY_PORT"),
        ("ADMIN_TOKENS", "a-secret-of-somebody", "ADMIN_TOKEN"),
    ],
)
async def test_the_doctor_names_the_setting_that_was_meant_by_a_variable_that_nobody_reads(
    registry_url: str, tmp_path: Path, variable: str, value: str, meant: str
) -> None:
    status, out, _ = await lockgate(
        tmp_path, "doctor", "--json", variables={"REDIS_URL": registry_url, variable: value}
    )

    found = _by_check(out)[variable]
    assert (status, found["state"]) == (0, "warning")
    assert f"set {meant}," in found["advice"]
    assert "a-secret-of-somebody" not in out


@pytest.mark.parametrize("host", ["not a host", "nowhere.invalid"])
async def test_the_doctor_names_a_host_that_cannot_be_listened_on(
    registry_url: str, tmp_path: Path, host: str
) -> None:
    variables = {"REDIS_URL": registry_url, "GATEWAY_HOST": host}
    status, out, _ = await lockgate(tmp_path, "doctor", "--json", variables=variables)

    settings = _by_check(out)["settings"]
    assert (status, settings["state"]) == (1, "failed")
    assert f"GATEWAY_HOST='{host}'" in settings["detail"]


async def test_the_doctor_fails_a_token_file_that_others_can_read(
    registry_url: str, tmp_path: Path
) -> None:
    token = tmp_path / ".lockgate" / "0" / "admin-token"
    token.parent.mkdir(parents=True)
    token.write_text("long-enough-for-a-token")
    token.chmod(0o644)
    variables = {"REDIS_URL": registry_url}
    status, out, _ = await lockgate(tmp_path, "doctor", "--json", variables=variables)

    found = _by_check(out)["admin token"]
    assert (status, found["state"]) == (1, "failed")
    assert found["advice"] == f"chmod 600 {token}"


async def of_services(gateway: RunningGateway, token: str | None = ADMIN_TOKEN) -> list[Finding]:
    client = GatewayClient(gateway.url, token, direct=True)
    return await asyncio.to_thread(list, services(client))


async def test_the_doctor_has_one_finding_for_each_service_that_is_not_well(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """A service without a healthy instance had two findings, the second without advice."""
    gateway = await start_gateway(HEALTH_CHECK_INTERVAL="0.1")
    well = await start_upstream()
    moved = await start_upstream(b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n")
    ill = {"routable": False, "ttl": 600}
    await gateway.register("orders_service", well.port, "o-1", ttl=600)
    await gateway.register("orders_service", free_port(), "o-2", **ill)
    await gateway.register("bills_service", free_port(), "b-1", **ill)
    await gateway.register("bills_service", moved.port, "b-2", health_check_url="/probe", **ill)

    async def all_three() -> list[Finding]:
        found = await of_services(gateway)
        assert "".join(one.detail for one in found).count(" is unhealthy: ") == 3, found
        return found

    bills, orders = await eventually(all_three)

    assert (orders.check, orders.state) == ("orders_service", "warning")
    assert orders.detail.startswith("o-2 at http://127.0.0.1:")
    assert orders.detail.endswith(" is unhealthy: connect failed: Connection refused; 1 healthy")
    assert orders.advice.startswith("does the server listen on another port (port, --port)?")
    assert (bills.check, bills.state) == ("bills_service", "failed")
    assert bills.detail.startswith("/api/bills answers 503: b-1 at http://127.0.0.1:")
    assert f"; b-2 at http://127.0.0.1:{moved.port} is unhealthy: GET /probe" in bills.detail
    assert bills.advice.startswith("b-1: does the server listen on another port (port, --port)?")
    assert (
        "; b-2: probes follow no redirect: give the path that it leads to (health_path, "
        in bills.advice
    )


async def test_the_doctor_asks_for_the_token_that_the_reason_takes(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(HEALTH_CHECK_INTERVAL="0.1")
    await gateway.register("bills_service", free_port(), "b-1", routable=False, ttl=600)

    async def unhealthy() -> list[Finding]:
        found = await of_services(gateway, None)
        return [one for one in found if one.detail.endswith(" is unhealthy")]

    for token in (None, "another-token-of-somebody"):
        await eventually(unhealthy)
        (found,) = await of_services(gateway, token)
        assert found.detail.endswith(" is unhealthy")
        assert found.advice.startswith("set ADMIN_TOKEN to the token of that gateway")


async def test_the_doctor_names_a_document_where_somebody_has_it_who_installed_the_wheel(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders_service", upstream.port, "o-1", ttl=600)
    await gateway.admin("POST", "/services/orders_service/instances/o-1/drain")

    async def is_drained() -> list[Finding]:
        return await of_services(gateway)

    (found,) = await eventually(is_drained)
    assert found.detail == "/api/orders answers 503: 1 draining"
    assert NO_HEALTHY_INSTANCE in found.advice


async def test_the_doctor_sends_who_has_a_gateway_without_registry_to_what_it_says_of_that(
    start_gateway: StartGateway, own_registry: RegistryServer
) -> None:
    """It pointed to a row below, but the row was above."""
    gateway = await start_gateway(REDIS_URL=own_registry.url)
    own_registry.kill()

    async def is_cut_off() -> list[Finding]:
        return await of_services(gateway)

    (found,) = await eventually(is_cut_off, within_s=20)
    assert (found.check, found.state) == ("gateway", "failed")
    assert "has not heard of its registry" in found.detail
    assert found.advice.startswith("follow the advice about the registry; ")


@pytest.mark.parametrize("url", ["http://localhost", "redis://localhost:port/0"])
async def test_the_doctor_names_a_registry_url_that_is_none(url: str, tmp_path: Path) -> None:
    status, out, error = await lockgate(tmp_path, "doctor", "--json", variables={"REDIS_URL": url})

    assert (status, error) == (1, "")
    assert f"REDIS_URL='{url}'" in _by_check(out)["registry"]["detail"]


async def test_the_doctor_fails_a_registry_that_would_forget(
    own_registry: RegistryServer, tmp_path: Path
) -> None:
    with redis.Redis.from_url(own_registry.url) as client:
        client.config_set("maxmemory", "100mb")
        client.config_set("maxmemory-policy", "allkeys-lru")

    status, out, _ = await lockgate(
        tmp_path, "doctor", "--json", variables={"REDIS_URL": own_registry.url}
    )

    assert status == 1
    assert "allkeys-lru" in _by_check(out)["registry"]["detail"]


async def test_the_doctor_shows_a_command_with_brackets_as_it_is(tmp_path: Path) -> None:
    offset = free_offset()
    program = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])));"
    program += "print(flush=True); input()  # [/red]"
    holder = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, str(8080 + offset)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert holder.stdout is not None
    await holder.stdout.readline()

    status, out, _ = await lockgate(tmp_path, "doctor", "--port-offset", str(offset))
    await holder.communicate(b"\n")

    assert status == 0
    assert "[/red]" in out


async def test_the_stacks_token_goes_to_no_other_gateway(
    start_upstream: StartUpstream, tmp_path: Path
) -> None:
    stranger = await start_upstream(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    token = tmp_path / ".lockgate" / "0" / "admin-token"
    token.parent.mkdir(parents=True)
    token.write_text("secret")

    await lockgate(tmp_path, "services", "--url", f"http://127.0.0.1:{stranger.port}")
    await lockgate(
        tmp_path, "services", variables={"GATEWAY_PORT": str(stranger.port), "PORT_OFFSET": "0"}
    )

    to_another, to_its_own = stranger.requests
    assert to_another.values(b"authorization") == []
    assert to_its_own.values(b"authorization") == [b"Bearer secret"]


async def test_a_token_is_not_taken_along_to_where_an_answer_points(
    start_upstream: StartUpstream, tmp_path: Path
) -> None:
    elsewhere = await start_upstream()
    head = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{elsewhere.port}/\r\n"
    gateway = await start_upstream(head.encode() + b"Content-Length: 0\r\n\r\n")
    here = ["--url", f"http://127.0.0.1:{gateway.port}", "--token", "secret"]

    status, _, error = await lockgate(tmp_path, "services", *here)

    assert (status, "answers 302" in error) == (1, True)
    assert elsewhere.requests == []


async def test_a_url_that_is_none_is_refused(tmp_path: Path) -> None:
    status, _, error = await lockgate(tmp_path, "services", "--url", "file:///etc/hostname")

    assert (status, len(error.splitlines())) == (2, 1)


def _by_check(out: str) -> dict[str, Any]:
    return {finding["check"]: finding for finding in json.loads(out)}
