"""Mistakes of a first day that end with a refusal: token, registry, port. test_first_day_mistakes lists all ten."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

from structlog.testing import capture_logs

from tests.conftest import StartGateway
from tests.http.test_command_line import lockgate
from tests.http.test_first_day_mistakes import told
from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_process
from tests.support.registered_programs import REPOSITORY, StartRegistered
from tests.support.registry_servers import RegistryServer, free_port

WRONG_TOKEN = "another-token-of-another-gateway"


# 4. A wrong token


async def test_a_wrong_token(
    start_gateway: StartGateway, start_registered: StartRegistered, tmp_path: Path
) -> None:
    gateway = await start_gateway()
    path, headers = "/services/orders/instances/o1", {"Authorization": f"Bearer {WRONG_TOKEN}"}
    await gateway.register("orders", free_port(), "ill", routable=False, ttl=600)
    await eventually(lambda: gateway.member.health.status("orders/ill") == "unhealthy")
    here = ("--url", gateway.url, "--token", WRONG_TOKEN)

    with capture_logs() as log:
        curl = await gateway.request("PUT", path, headers=headers, json={"host": "h", "port": 1})
        _, table, _ = await lockgate(tmp_path, "services", *here)
        status, _, drain = await lockgate(tmp_path, "drain", "orders", "ill", *here)
        program = await start_registered(
            "redis://127.0.0.1:1/0", "--via-http", gateway.url, "--token", WRONG_TOKEN
        )
        line = await told(program, "refused: ")

    assert (curl.status, curl.reason) == (401, "unauthorized")
    assert curl.headers["WWW-Authenticate"] == "Bearer"
    assert curl.json()["detail"] == (
        "a valid admin token is needed: Authorization: Bearer TOKEN, with what the gateway's ADMIN_TOKEN "
        "says, or the file that its ADMIN_TOKEN_FILE names"
    )
    assert "  (needs another --token)  " in table
    assert (status, drain) == (
        1,
        (
            f"lockgate: {gateway.url}/services/orders/instances/ill/drain answers 401: "
            "it takes another admin token, name it with --token\n"
        ),
    )
    assert line == (
        f"refused: {gateway.url} answers 401: it has another admin token, give it with --token or ADMIN_TOKEN"
    )
    refused = [line for line in log if line.get("reason") == "unauthorized"]
    assert {(one["event"], one["status"]) for one in refused} == {("request", 401)}
    assert WRONG_TOKEN not in str(log)


# 5. The registry is down

ANNOUNCED = """
import http.server, sys, threading
from lockgate import announced

port = int(sys.argv[1])
server = http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown())).start()
with announced(name="orders", port=port):
    server.serve_forever()
"""
LOOKS_UP = "from lockgate import get_service_registry as r; r().get_service('orders')"


def python(folder: Path, url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "REDIS_URL": url}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def first_and_last_words(folder: Path, url: str, *arguments: str) -> str:
    """All that a program says, whose input ends once it has said the first line."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "REDIS_URL": url}
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        _, rest = process.communicate()
    return first + rest


async def test_the_registry_is_down(
    start_registered: StartRegistered, own_registry: RegistryServer, tmp_path: Path
) -> None:
    own_registry.kill()
    url, port = own_registry.url, str(free_port())
    helps = "; is it running, and is REDIS_URL right?"

    program = await start_registered(url)
    line = await told(program, "registry unavailable: ")
    announced = await asyncio.to_thread(first_and_last_words, tmp_path, url, "-c", ANNOUNCED, port)
    looked_up = await asyncio.to_thread(python, tmp_path, url, "-c", LOOKS_UP)

    away = f"the registry at {url} does not answer: Error 111 connecting to "
    assert line.startswith(f"registry unavailable: {away}")
    assert line.endswith(helps)
    (said,) = announced.splitlines()
    assert (said[:22], said[-len(helps) :]) == ("registry unavailable: ", helps)
    raised = looked_up.stderr.splitlines()[-1]
    assert raised.startswith(f"discovery.model.errors.RegistryUnavailable: {away}")
    assert raised.endswith(helps)

    async with gateway_process(tmp_path, url, started=False) as gateway:
        gateway_url = f"http://127.0.0.1:{gateway.port}"
        await eventually(lambda: gateway.logs("gateway.started"), within_s=20)
        answer = await gateway.request("GET", "/api/orders/")
        put = await gateway.request(
            "PUT", "/services/orders/instances/o1", json={"host": "localhost", "port": 1}
        )
        status, _, table = await lockgate(tmp_path, "services", "--url", gateway_url)
        (no_view,) = gateway.logs("gateway.no_view")

    assert (answer.status, answer.reason) == (503, "no_view")
    assert answer.json()["detail"] == (
        "the registry has not answered yet, so nothing is known of the services"
    )
    assert (put.status, put.reason) == (503, "registry_unavailable")
    assert put.json()["detail"] == "the registry does not answer; try again later"
    assert (status, table) == (
        1,
        (
            f"lockgate: {gateway_url}/services answers 503: it has not heard of its registry yet: "
            "is that running?\n"
        ),
    )
    assert (no_view["level"], no_view["detail"]) == (
        "warning",
        "/ready and /api answer 503 until the registry answers: is it running at REDIS_URL?",
    )


# 6. A port that is taken


async def test_a_port_that_is_taken(registry_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, _, error = await lockgate(
            tmp_path,
            *("register", "--name", "orders", "--port", port, "--starts-within", "0.1"),
            *("--", sys.executable, "-m", "http.server", port),
            variables={"REDIS_URL": registry_url},
        )
        async with gateway_process(
            tmp_path, registry_url, started=False, GATEWAY_PORT=port
        ) as gateway:
            assert await gateway.exit_status() == 1

    waits, ends = error.splitlines()
    already = f"lockgate: port {port} takes connections already: "
    assert status == 1
    for line in (waits, ends):
        assert f"(pid {os.getpid()}) has it; " in line
    assert waits.startswith(already)
    assert waits.endswith("; waiting up to 0.1 s until it lets go")
    assert ends.startswith(already)
    assert ends.endswith("stop that, or choose another port: that of --port and of your program")
    assert gateway.stderr.startswith(
        f"lockgate: can't listen on 127.0.0.1:{port} (GATEWAY_HOST, GATEWAY_PORT): "
        f"port {port} is taken by "
    )
    assert gateway.stderr.endswith(f" (pid {os.getpid()}): stop that, or choose another port\n")
