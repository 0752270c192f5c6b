"""Ten mistakes of a first day: what the person reads, where, and the one sentence that helps.

1. No `/health`, or another path: here, by `lockgate register` and by curl.
2. A wrong port: here, by `lockgate register` and by curl.
3. A wrong host: here.
4. A wrong admin token: tests/http/test_first_day_refusals.py.
5. The registry is down: tests/http/test_first_day_refusals.py; `lockgate serve`: tests/e2e, the same name.
6. A port that is taken: both of these as well.
7. The bare install: tests/e2e/test_first_day_refusals.py.
8. A package of one's own called `services`: tests/e2e/test_first_day_refusals.py.
9. `ALLOWED_HOSTS`: here.
10. The prefix: tests/http/test_first_day_prefix.py.
"""

import asyncio
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.cli.examining.services import services
from gateway.cli.gateway_client import GatewayClient
from tests.conftest import StartGateway, StartUpstream
from tests.http.test_command_line import lockgate
from tests.http.test_unavailable_services import ELSEWHERE, NOT_FOUND, UNAVAILABLE, detail_of
from tests.support.eventually import eventually
from tests.support.gateway_processes import until
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.ipv6 import NEEDS_IPV6
from tests.support.registered_programs import Registered, StartRegistered
from tests.support.registry_servers import free_port

#: `lockgate register` names only its own options; a gateway names every way to register.
NO_PATH = "give the path of its health check (--health-path), or --tcp if it has none"
NO_PATH_OF_ANY = (
    "give the path of its health check (health_path, --health-path, over HTTP health_check_url), or "
    "health_path=None (--tcp, over HTTP no health_check_url) if it has none"
)
CHECKS_HOST = (
    "where the server checks the Host field, have probes send one that it takes (--health-host)"
)
CHECKS_HOST_OF_ANY = CHECKS_HOST.replace(
    "--health-host", "health_host, --health-host, over HTTP health.host in the metadata"
)
UNKNOWN_HOST = "give a name that the gateway can resolve, or an address (--host or ADVERTISE_HOST)"
UNKNOWN_HOST_OF_ANY = UNKNOWN_HOST.replace("--host", "host, --host")
WRONG_PORT = (
    "does the server listen on another port (port, --port)? 127.0.0.1 is the gateway's own machine, "
    "or its container: host, --host or ADVERTISE_HOST names another"
)

#: The programs may stand for a while, and what is wrong with them must stay the same.
PATIENT = {"HEALTH_CHECK_TIMEOUT": "20"}

#: A server that accepts only one Host, as Django does with ALLOWED_HOSTS.
SHOP = """
import http.server, sys

class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.headers["Host"] == "shop.example" else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""


Log = list[Any]


@pytest.fixture
def log() -> Iterator[Log]:
    """The log of the gateways in this process."""
    with capture_logs() as lines:
        yield lines


async def told(program: Registered, beginning: str) -> str:
    """The first line of `lockgate register` itself with this beginning."""
    lines = []
    while line := await program.told():
        lines.append(line)
        if line.startswith(f"lockgate: {beginning}"):
            return line.removeprefix("lockgate: ")
    raise AssertionError(f"{beginning} was never told: {lines}")


async def listed(gateway: RunningGateway, folder: Path) -> str:
    """The output of `lockgate services`."""
    here = ("--url", gateway.url, "--token", ADMIN_TOKEN)
    status, out, _ = await lockgate(folder, "services", *here)
    assert status == 0
    return out


async def is_seen(
    gateway: RunningGateway, folder: Path, log: Log, *, evidence: str, where: str, helps: str
) -> None:
    """Check that requests, commands, pages and the log say why o1, the only instance, is unhealthy."""

    async def is_listed() -> bool:
        answer = (await gateway.get("/services/orders")).json()
        return [one["status"] for one in answer["instances"]] == ["unhealthy"]

    await until(is_listed, within_s=20)
    for headers, address in (({}, f", at {where}"), (ELSEWHERE, "")):
        answer = await gateway.get("/api/orders/", headers=headers)
        assert detail_of(answer) == f"{UNAVAILABLE}1 unhealthy: {evidence}{address}"
    table = await listed(gateway, folder)
    assert f"  unhealthy  {evidence}  " in table
    assert table.endswith(f"\n\norders, o1: {helps}\n")
    page = (await gateway.get("/", headers={"Accept": "text/html"})).body.decode()
    assert f"What helps: {helps}".replace("'", "&#x27;") in page
    client = GatewayClient(gateway.url, ADMIN_TOKEN, direct=True)
    found = await asyncio.to_thread(list, services(client))
    assert [one.advice for one in found if evidence in one.detail] == [helps]
    warned = [line for line in log if line.get("to") == "unhealthy"]
    assert [(one["event"], one["log_level"], one["evidence"]) for one in warned] == [
        ("instance.health_changed", "warning", evidence)
    ]


# 1. No /health


async def test_no_health_path(
    start_gateway: StartGateway,
    start_registered: StartRegistered,
    registry_url: str,
    tmp_path: Path,
    log: Log,
) -> None:
    """`python -m http.server` with a health path, as most people start."""
    gateway = await start_gateway(**PATIENT)
    program = await start_registered(registry_url, "--health-path", "/health")

    line = await told(program, "unhealthy: ")

    where = f"localhost:{program.port}"
    said = f"GET http://{where}/health answers 404, expected 200 to 299"
    assert line == f"unhealthy: {said}; {NO_PATH}"
    evidence = "GET /health answers 404, expected 200 to 299"
    await is_seen(gateway, tmp_path, log, evidence=evidence, where=where, helps=NO_PATH_OF_ANY)


async def test_no_health_path_of_what_curl_registers(
    start_gateway: StartGateway, start_upstream: StartUpstream, tmp_path: Path, log: Log
) -> None:
    """No program runs that could print the advice, so it is read at the gateway."""
    gateway = await start_gateway()
    upstream = await start_upstream(NOT_FOUND)
    body = {"health_check_url": "/probe", "ttl": 600}
    await gateway.register("orders", upstream.port, "o1", routable=False, **body)

    await is_seen(
        gateway,
        tmp_path,
        log,
        evidence="GET /probe answers 404, expected 200 to 299",
        where=f"127.0.0.1:{upstream.port}",
        helps=NO_PATH_OF_ANY,
    )


async def test_the_path_mended_says_where_it_can_be_called(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    gateway = await start_gateway(**PATIENT)
    program = await start_registered(registry_url, "--health-path", "/")

    line = await told(program, "healthy: ")

    assert line == f"healthy: http://localhost:{gateway.port}/api/orders/"
    assert (await gateway.get("/api/orders/")).status == 200


# 2. A wrong port


async def test_another_port(
    start_gateway: StartGateway,
    start_registered: StartRegistered,
    registry_url: str,
    tmp_path: Path,
) -> None:
    """The program is not registered, so the gateway does not know it, but `register` sees its port.

    For 10 s it said nothing, and then it asked which port that might be.
    """
    gateway, other = await start_gateway(), free_port()
    command = (sys.executable, "serve.py", str(other))
    program = await start_registered(registry_url, "--starts-within", "1", command=command)
    pid = await program.said()

    line = await told(program, "nothing listens")

    assert line.startswith(f"nothing listens on port {program.port} yet; ")
    assert line.endswith(
        f" (pid {pid}) listens on 127.0.0.1:{other}: if that is it, give --port {other}"
    )
    answer = await gateway.get("/api/orders/")
    assert (answer.status, answer.reason) == (404, "route_not_found")
    assert answer.json()["detail"] == "no service is registered for this path"
    assert "orders" not in await listed(gateway, tmp_path)


@NEEDS_IPV6
async def test_the_right_port_at_an_address_that_localhost_is_not(
    start_registered: StartRegistered, registry_url: str
) -> None:
    """The message asked for `--port`, which was right."""
    if "::1" in {found[4][0] for found in socket.getaddrinfo("localhost", 0)}:
        pytest.skip("localhost is ::1 too here")
    command = (sys.executable, "-m", "http.server", "PORT", "--bind", "::1")
    program = await start_registered(registry_url, "--starts-within", "1", command=command)

    told_last = ""
    while not told_last.endswith("give --host ::1, or let it listen on 127.0.0.1"):
        told_last = await program.told()
        assert told_last
    assert f"listens on [::1]:{program.port} alone, and localhost is 127.0.0.1 here: " in told_last


async def test_a_server_for_everybody_is_told_once(
    start_registered: StartRegistered, registry_url: str
) -> None:
    """`python3 -m http.server` without --bind is open to the network, and nobody was told."""
    program = await start_registered(
        registry_url, command=(sys.executable, "-m", "http.server", "PORT")
    )
    warning = "others reach it without the gateway; bind it to 127.0.0.1"

    line = ""
    while not line.endswith(warning):
        line = await program.told()
        assert line
    program.process.terminate()
    await program.process.wait()
    assert warning not in await program.told_at_last()


async def test_another_port_of_what_curl_registers(
    start_gateway: StartGateway, tmp_path: Path, log: Log
) -> None:
    gateway, port = await start_gateway(), free_port()
    await gateway.register("orders", port, "o1", routable=False, ttl=600)

    await is_seen(
        gateway,
        tmp_path,
        log,
        evidence="connect failed: Connection refused",
        where=f"127.0.0.1:{port}",
        helps=WRONG_PORT,
    )


# 3. A wrong host


@pytest.mark.parametrize("via", ["registry", "gateway"])
async def test_a_host_that_no_gateway_can_resolve(
    start_gateway: StartGateway,
    start_registered: StartRegistered,
    registry_url: str,
    tmp_path: Path,
    log: Log,
    via: str,
) -> None:
    gateway = await start_gateway()
    over_http = ("--via-http", gateway.url, "--token", ADMIN_TOKEN) if via == "gateway" else ()
    program = await start_registered(registry_url, "--host", "orders.invalid", *over_http)

    line = await told(program, "unhealthy: ")

    # The rest is in the words of this machine's resolver.
    where, ending = f"orders.invalid:{program.port}", f"; {UNKNOWN_HOST}"
    assert line.startswith("unhealthy: connect failed: ")
    assert line.endswith(f", at {where}{ending}")
    evidence = line.removeprefix("unhealthy: ").removesuffix(f", at {where}{ending}")
    await is_seen(gateway, tmp_path, log, evidence=evidence, where=where, helps=UNKNOWN_HOST_OF_ANY)


# 9. ALLOWED_HOSTS


async def test_allowed_hosts(
    start_gateway: StartGateway,
    start_registered: StartRegistered,
    registry_url: str,
    tmp_path: Path,
    log: Log,
) -> None:
    gateway = await start_gateway(**PATIENT)
    (tmp_path / "shop.py").write_text(SHOP)
    command = (sys.executable, "shop.py", "PORT")
    program = await start_registered(registry_url, "--health-path", "/", command=command)

    line = await told(program, "unhealthy: ")

    where = f"localhost:{program.port}"
    said = f"GET http://{where}/ answers 400, expected 200 to 299"
    assert line == f"unhealthy: {said}; {CHECKS_HOST}"
    evidence = "GET / answers 400, expected 200 to 299"
    await is_seen(gateway, tmp_path, log, evidence=evidence, where=where, helps=CHECKS_HOST_OF_ANY)
    program.process.terminate()
    await program.process.wait()

    mended = await start_registered(
        registry_url, "--health-path", "/", "--health-host", "shop.example", command=command
    )
    healthy = f"healthy: http://localhost:{gateway.port}/api/orders/"
    assert await told(mended, "healthy: ") == healthy
    answer = await gateway.get("/api/orders/", headers={"Host": "shop.example"})
    assert answer.status == 200


# Others


async def test_no_gateway(start_registered: StartRegistered, registry_url: str) -> None:
    program = await start_registered(registry_url)

    line = await told(program, "starting: ")

    assert line.startswith("starting: no gateway probes it: is one running on this ")
    assert registry_url in line


async def test_over_http_alone_health_is_told_as_well(
    start_gateway: StartGateway, start_registered: StartRegistered
) -> None:
    gateway = await start_gateway(**PATIENT)
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    over_http = ("--via-http", gateway.url, "--token", ADMIN_TOKEN)
    program = await start_registered(nowhere, *over_http, "--health-path", "/health", "--ttl", "1")

    line = await told(program, "unhealthy: ")
    assert f"GET http://localhost:{program.port}/health answers 404" in line
    await gateway.admin("DELETE", "/services/orders/instances/o1")
    assert "deregistered by somebody else" in await told(program, "not registered: ")
    program.process.terminate()
    await program.process.wait()

    mended = await start_registered(nowhere, *over_http)
    assert await told(mended, "healthy: ") == f"healthy: {gateway.url}/api/orders/"
    await eventually(lambda: gateway.member.health.status("orders/o1") == "healthy")
