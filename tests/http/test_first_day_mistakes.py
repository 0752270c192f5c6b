"""Mistakes of a first day: for each what the person reads, where, and the one sentence that helps."""

import sys
from pathlib import Path

import pytest

from tests.conftest import StartGateway
from tests.http.test_command_line import lockgate
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN, RunningGateway
from tests.support.registered_programs import Registered, StartRegistered
from tests.support.registry_servers import free_port

#: A server that takes one Host alone, as Django does with its ALLOWED_HOSTS.
SHOP = """
import http.server, sys

class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.headers["Host"] == "shop.example" else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""


async def told(program: Registered, beginning: str) -> str:
    """The first line of `lockgate register` itself that begins so."""
    lines = []
    while line := await program.told():
        lines.append(line)
        if line.startswith(f"lockgate: {beginning}"):
            return line.removeprefix("lockgate: ")
    raise AssertionError(f"{beginning} was never told: {lines}")


async def detail(gateway: RunningGateway, status: int) -> str:
    """What a client on this machine reads."""
    answer = await gateway.get("/api/orders/")
    assert answer.status == status
    return str(answer.json()["detail"])


async def listed(gateway: RunningGateway, folder: Path) -> str:
    """What `lockgate services` prints."""
    here = ("--url", gateway.url, "--token", ADMIN_TOKEN)
    status, out, _ = await lockgate(folder, "services", *here)
    assert status == 0
    return out


async def test_no_health_path(
    start_gateway: StartGateway,
    start_registered: StartRegistered,
    registry_url: str,
    tmp_path: Path,
) -> None:
    """`python -m http.server` with a health path, as everybody has it at first."""
    gateway = await start_gateway()
    program = await start_registered(registry_url, "--health-path", "/health")

    line = await told(program, "unhealthy: ")

    seen = f"GET http://localhost:{program.port}/health answers 404, expected 200 to 299"
    assert line.startswith(f"unhealthy: {seen}; give the path of its health check, ")
    assert "--health-path" in line
    client = await detail(gateway, 503)
    assert "1 unhealthy: GET /health answers 404, expected 200 to 299" in client
    assert f"localhost:{program.port}" in client
    assert "GET /health answers 404, expected 200 to 299" in await listed(gateway, tmp_path)


async def test_the_path_mended_says_where_it_can_be_called(
    start_gateway: StartGateway, start_registered: StartRegistered, registry_url: str
) -> None:
    gateway = await start_gateway()
    program = await start_registered(registry_url, "--health-path", "/")

    line = await told(program, "healthy: ")

    assert line == f"healthy: http://localhost:{gateway.port}/api/orders/"
    assert (await gateway.get("/api/orders/")).status == 200


async def test_another_port(
    start_gateway: StartGateway,
    start_registered: StartRegistered,
    registry_url: str,
    tmp_path: Path,
) -> None:
    gateway, other = await start_gateway(), free_port()
    command = (sys.executable, "serve.py", str(other))
    program = await start_registered(registry_url, "--starts-within", "0.3", command=command)

    line = await told(program, "nothing takes connections")

    assert line.startswith(f"nothing takes connections on port {program.port} after 0.3 s")
    assert "--port" in line
    assert await detail(gateway, 404) != ""
    assert "orders" not in await listed(gateway, tmp_path)


@pytest.mark.parametrize("via", ["registry", "gateway"])
async def test_a_host_that_no_gateway_can_resolve(
    start_gateway: StartGateway,
    start_registered: StartRegistered,
    registry_url: str,
    tmp_path: Path,
    via: str,
) -> None:
    gateway = await start_gateway()
    over_http = ("--via-http", gateway.url, "--token", ADMIN_TOKEN) if via == "gateway" else ()
    program = await start_registered(registry_url, "--host", "orders.invalid", *over_http)

    line = await told(program, "unhealthy: ")

    assert line.startswith("unhealthy: connect failed: ")
    assert f", at orders.invalid:{program.port}; give a name that the gateway can resolve" in line
    assert "ADVERTISE_HOST" in line
    client = await detail(gateway, 503)
    assert "1 unhealthy: connect failed: " in client
    assert f"orders.invalid:{program.port}" in client
    assert "connect failed: " in await listed(gateway, tmp_path)


async def test_allowed_hosts(
    start_gateway: StartGateway,
    start_registered: StartRegistered,
    registry_url: str,
    tmp_path: Path,
) -> None:
    gateway = await start_gateway()
    (tmp_path / "shop.py").write_text(SHOP)
    command = (sys.executable, "shop.py", "PORT")
    program = await start_registered(registry_url, "--health-path", "/", command=command)

    line = await told(program, "unhealthy: ")

    assert f"GET http://localhost:{program.port}/ answers 400, expected 200 to 299; " in line
    assert "--health-host" in line
    assert "1 unhealthy: GET / answers 400, expected 200 to 299" in await detail(gateway, 503)
    assert "GET / answers 400, expected 200 to 299" in await listed(gateway, tmp_path)
    program.process.terminate()
    await program.process.wait()

    mended = await start_registered(
        registry_url, "--health-path", "/", "--health-host", "shop.example", command=command
    )
    healthy = f"healthy: http://localhost:{gateway.port}/api/orders/"
    assert await told(mended, "healthy: ") == healthy
    answer = await gateway.get("/api/orders/", headers={"Host": "shop.example"})
    assert answer.status == 200


async def test_no_gateway(start_registered: StartRegistered, registry_url: str) -> None:
    program = await start_registered(registry_url)

    line = await told(program, "starting: ")

    assert line.startswith("starting: no gateway probes it: is one running on this ")
    assert registry_url in line


async def test_over_http_alone_health_is_told_as_well(
    start_gateway: StartGateway, start_registered: StartRegistered
) -> None:
    gateway = await start_gateway()
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
    await eventually(lambda: gateway.gateway.health.status("orders/o1") == "healthy")
