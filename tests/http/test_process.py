"""`python -m gateway` as a process: its start, its output, its stop."""

import asyncio
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from discovery.model.errors import SettingsError
from gateway.config.settings import load_settings
from tests.conftest import StartUpstream
from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_process, until
from tests.support.raw_clients import RawClient, exchange
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.upstreams import Received

pytestmark = pytest.mark.timeout(300)  # processes that start, one after the other

GET = b"GET /api/orders HTTP/1.1\r\nHost: h\r\n\r\n"
READY = b"GET /ready HTTP/1.1\r\nHost: h\r\n\r\n"
#: A gateway that waits for a view for 10 minutes; otherwise it listens without one after 2 s.
WAITS_FOR_VIEW = (
    "-c",
    "import sys; from gateway.process import serve, start; serve.VIEW_WITHIN_S = 600.0; sys.exit(start.main())",
)


# Starting

BAD_VALUES = [
    ("GATEWAY_PORT", "http"),
    ("GATEWAY_PORT", "65536"),
    ("GATEWAY_WORKERS", "0"),
    ("REDIS_URL", "http://127.0.0.1:6379"),
    ("REDIS_URL", "redis://127.0.0.1:port/0"),
    ("REGISTRY_NAMESPACE", "a b"),
    ("REGISTRY_ALLOWED_HOSTS", "10.0.0.0/33"),
    ("RATE_LIMIT_REQUESTS", "-1"),
    ("RATE_LIMIT_REQUESTS", "many"),
    ("RATE_LIMIT_WINDOW", "0"),
    ("HEARTBEAT_INTERVAL", "soon"),
    ("HEARTBEAT_INTERVAL", "20"),
    ("INSTANCE_TTL", "0"),
    ("HEALTH_CHECK_INTERVAL", "0"),
    ("HEALTH_CHECK_TIMEOUT", "-1"),
    ("HEALTH_FALL", "0"),
    ("HEALTH_RISE", "1.5"),
    ("UNHEALTHY_REMOVE_AFTER", "-1"),
    ("UPSTREAM_CONNECT_TIMEOUT", "0"),
    ("UPSTREAM_TIMEOUT", "nan"),
    ("MAX_BODY_BYTES", "-1"),
    ("TRUSTED_PROXIES", "10.0.0.1/8"),
    ("TRUSTED_PROXIES", "localhost"),
    ("CORS_ORIGINS", "app.example"),
    ("CORS_ORIGINS", "https://app.example/path"),
    ("CORS_ORIGINS", "https://*.example.com"),
    ("ADMIN_LISTEN", "9090"),
    ("ADMIN_LISTEN", "127.0.0.1:99999"),
    ("ADMIN_LISTEN", "unix:"),
    ("ADMIN_TOKEN_FILE", "/nowhere/token"),
    ("SHUTDOWN_GRACE", "inf"),
    ("LOG_LEVEL", "loud"),
    ("LOG_FORMAT", "xml"),
]


@pytest.mark.parametrize(("variable", "value"), BAD_VALUES)
def test_a_bad_value_is_told_in_one_line_that_names_variable_and_value(
    variable: str, value: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({variable: value})

    message = str(caught.value)
    assert variable in message
    assert value in message
    assert "\n" not in message


def test_the_registrys_password_is_not_shown() -> None:
    """Errors go to terminals and logs, which must not show secrets."""
    with pytest.raises(SettingsError) as caught:
        load_settings({"REDIS_URL": "redis://:s3cret@127.0.0.1:port/0"})

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("GATEWAY_PORT", "http"), ("REDIS_URL", "http://x"), ("REGISTRY_ALLOWED_HOSTS", "*")],
)
async def test_a_bad_value_ends_the_program_with_status_2(
    tmp_path: Path, registry_url: str, variable: str, value: str
) -> None:
    environment = {variable: value}
    async with gateway_process(tmp_path, registry_url, started=False, **environment) as gateway:
        assert await gateway.exit_status() == 2
        assert gateway.stdout == ""
        (line,) = gateway.stderr.splitlines()
        assert variable in line
        assert value in line


async def test_an_aiohttp_without_its_extension_is_not_started_on(
    tmp_path: Path, registry_url: str
) -> None:
    """Its Python parser accepts other requests than the one in C."""
    async with gateway_process(
        tmp_path, registry_url, started=False, AIOHTTP_NO_EXTENSIONS="1"
    ) as gateway:
        assert await gateway.exit_status() == 2
        assert gateway.stdout == ""
        (line,) = gateway.stderr.splitlines()
        assert "AIOHTTP_NO_EXTENSIONS='1'" in line
        assert "unset it" in line


def children_of(pid: int) -> str:
    """Pids of its children, where the system tells them."""
    return "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))


@pytest.mark.parametrize("count", [{}, {"GATEWAY_WORKERS": "1"}])
async def test_with_one_worker_it_stays_one_process(
    tmp_path: Path, registry_url: str, count: dict[str, str]
) -> None:
    async with gateway_process(tmp_path, registry_url, **count) as gateway:
        assert not children_of(gateway.process.pid)
        assert gateway.logs("gateway.started")
        assert not gateway.logs("worker.started")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
async def test_it_runs_with_closed_standard_streams(
    tmp_path: Path, registry_url: str, closed: str
) -> None:
    """It ended with a traceback; worse, the next socket would have got the log's descriptor."""
    prefix = ("sh", "-c", f'exec "$0" "$@" {closed}')
    async with gateway_process(tmp_path, registry_url, started=False, prefix=prefix) as gateway:

        async def answers() -> bool:
            try:
                return (await gateway.request("GET", "/health")).status == 200
            except aiohttp.ClientError:
                return False

        await until(answers, within_s=30)
        gateway.process.terminate()

        assert await gateway.exit_status(30) == 0
        assert bool(gateway.logs("gateway.stopped")) is (" >&-" not in " " + closed)
        assert gateway.stderr == ""


async def test_a_services_address_from_kubernetes_is_told_apart_from_a_port(
    tmp_path: Path, registry_url: str
) -> None:
    """With a Service named gateway, every pod in the namespace has such a GATEWAY_PORT."""
    port = "tcp://10.96.0.7:8080"
    async with gateway_process(tmp_path, registry_url, started=False, GATEWAY_PORT=port) as gateway:
        assert await gateway.exit_status() == 2
        (line,) = gateway.stderr.splitlines()
        assert f"GATEWAY_PORT={port!r}: must be a port; Kubernetes sets this" in line
        assert "enableServiceLinks: false" in line


async def test_a_taken_port_ends_the_program_with_status_1(
    tmp_path: Path, registry_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        async with gateway_process(
            tmp_path, registry_url, started=False, GATEWAY_PORT=port
        ) as gateway:
            assert await gateway.exit_status() == 1
            (line,) = gateway.stderr.splitlines()
            assert "GATEWAY_PORT" in line
            assert port in line


async def test_a_host_that_is_none_of_this_machines_is_told_with_the_variable_that_names_it(
    tmp_path: Path, registry_url: str
) -> None:
    """The line named only GATEWAY_PORT, which was right."""
    async with gateway_process(
        tmp_path, registry_url, started=False, GATEWAY_HOST="192.0.2.1"
    ) as gateway:
        assert await gateway.exit_status() == 1
        (line,) = gateway.stderr.splitlines()
        assert "192.0.2.1" in line
        assert "GATEWAY_HOST" in line


async def test_a_variable_that_is_nearly_a_setting_is_warned_of_without_its_value(
    tmp_path: Path, registry_url: str
) -> None:
    """RATE_LIMIT=5 limits nothing, and no message said so."""
    given = {"RATE_LIMIT": "5", "ADMIN_TOKENS": "a-secret-of-somebody"}
    async with gateway_process(tmp_path, registry_url, **given) as gateway:
        warned = gateway.logs("settings.unknown_variable")

        assert [(line["level"], line["variable"], line["meant"]) for line in warned] == [
            ("warning", "ADMIN_TOKENS", "ADMIN_TOKEN"),
            ("warning", "RATE_LIMIT", "RATE_LIMIT_REQUESTS"),
        ]
        assert "a-secret-of-somebody" not in gateway.stdout


async def test_a_port_taken_by_a_gateway_that_still_waits_for_a_view_is_taken(
    tmp_path: Path, own_registry: RegistryServer
) -> None:
    own_registry.kill()
    port = str(free_port())
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    async with (
        gateway_process(folders[0], own_registry.url, started=False, GATEWAY_PORT=port) as one,
        gateway_process(folders[1], own_registry.url, started=False, GATEWAY_PORT=port) as two,
    ):
        both = (one, two)
        await eventually(
            lambda: all(g.logs("registry.unreachable") or g.process.returncode for g in both),
            within_s=20,
        )
        own_registry.start()
        await eventually(lambda: any(g.logs("gateway.started") for g in both))
        loser = one if two.logs("gateway.started") else two
        assert await loser.exit_status() == 1
        (line,) = loser.stderr.splitlines()
        assert "GATEWAY_PORT" in line


async def test_nothing_is_listened_on_before_there_is_a_view(
    tmp_path: Path, own_registry: RegistryServer
) -> None:
    """A gateway that accepts requests before it knows the services answers good ones with 404."""
    own_registry.kill()
    async with gateway_process(
        tmp_path, own_registry.url, started=False, module=WAITS_FOR_VIEW
    ) as gateway:
        await eventually(lambda: gateway.logs("registry.unreachable"), within_s=40)
        with pytest.raises(ConnectionRefusedError):
            await RawClient.connect(gateway.port)

        own_registry.start()
        await eventually(lambda: gateway.logs("gateway.started"))
        assert gateway.logs("gateway.no_view") == []
        assert (await exchange(gateway.port, READY)).status == 200


async def test_a_gateway_without_a_view_can_be_stopped(
    tmp_path: Path, own_registry: RegistryServer
) -> None:
    own_registry.kill()
    async with gateway_process(tmp_path, own_registry.url, started=False) as gateway:
        await eventually(lambda: gateway.logs("registry.unreachable"), within_s=20)
        gateway.process.send_signal(signal.SIGTERM)

        assert await gateway.exit_status() == 0
        assert gateway.stderr == ""


# Stopping


async def test_a_graceful_stop_loses_no_request(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await go_on.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    upstream = await start_upstream(wait)
    # New clients are taken for half of the grace: time enough for a test that gets no CPU for a while.
    async with gateway_process(tmp_path, registry_url, SHUTDOWN_GRACE="100") as gateway:
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        idle, watcher = await RawClient.connect(gateway.port), await RawClient.connect(gateway.port)
        for client in (idle, watcher):
            await client.send(READY)
            before = await client.answer()
            assert (before.status, before.values(b"connection")) == (200, [])
        in_flight = asyncio.create_task(exchange(gateway.port, GET))
        await asyncio.wait_for(asked.wait(), 15)

        gateway.process.send_signal(signal.SIGTERM)
        await eventually(lambda: gateway.logs("gateway.stopping"))

        # A client on a kept connection is told that this answer is the last one.
        await watcher.send(READY)
        ready = await watcher.answer()
        assert (ready.status, ready.values(b"connection")) == (503, [b"close"])
        assert b"shutting_down" in ready.body
        # A balancer that has not noticed yet is still served.
        late = await exchange(gateway.port, READY.replace(b"/ready", b"/health"))
        assert (late.status, late.values(b"connection")) == (200, [b"close"])
        await idle.send(GET)
        go_on.set()
        for answer in (await in_flight, await idle.answer()):
            assert (answer.status, answer.body, answer.complete) == (200, b"ok", True)
            assert answer.values(b"connection") == [b"close"]
        for client in (idle, watcher):
            await client.close()

        assert await gateway.exit_status() == 0
        assert gateway.stderr == ""
        assert [line["level"] for line in gateway.logs() if line["level"] == "error"] == []


async def test_clients_that_stay_silent_delay_a_stop_by_the_grace_at_most(
    tmp_path: Path, registry_url: str
) -> None:
    async with gateway_process(tmp_path, registry_url, SHUTDOWN_GRACE="0.6") as gateway:
        client = await RawClient.connect(gateway.port)
        await client.send(READY)
        await client.answer()

        gateway.process.send_signal(signal.SIGINT)

        assert await gateway.exit_status() == 0
        assert await client.closed()
        await client.close()


async def test_a_request_that_outlasts_the_grace_is_broken_off(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    asked = asyncio.Event()

    async def stall(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        asked.set()
        await asyncio.Event().wait()

    upstream = await start_upstream(stall)
    async with gateway_process(tmp_path, registry_url, SHUTDOWN_GRACE="0.6") as gateway:
        await gateway.register("orders_service", upstream.port, health_check_url="/health")
        in_flight = asyncio.create_task(exchange(gateway.port, GET))
        await asyncio.wait_for(asked.wait(), 15)

        gateway.process.send_signal(signal.SIGTERM)

        assert await gateway.exit_status() == 0
        assert not (await in_flight).complete
        assert gateway.stderr == ""


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_a_person_who_interrupts_a_stopping_gateway_does_not_wait_for_the_grace(
    tmp_path: Path, registry_url: str, first: signal.Signals
) -> None:
    async with gateway_process(tmp_path, registry_url, SHUTDOWN_GRACE="600") as gateway:
        client = await RawClient.connect(gateway.port)
        await client.send(READY)
        await client.answer()
        gateway.process.send_signal(first)
        await eventually(lambda: gateway.logs("gateway.stopping"))
        assert gateway.process.returncode is None

        gateway.process.send_signal(signal.SIGINT)

        assert await gateway.exit_status(within_s=20) == 0
        assert gateway.logs("gateway.stopped")
        assert gateway.stderr == ""
        await client.close()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2], ids=["SIGHUP", "SIGUSR2"])
async def test_a_signal_to_reload_ends_neither_process_nor_connection(
    tmp_path: Path, registry_url: str, number: signal.Signals
) -> None:
    async with gateway_process(tmp_path, registry_url) as gateway:
        client = await RawClient.connect(gateway.port)
        for _ in range(3):
            gateway.process.send_signal(number)
            await client.send(READY)
            answer = await client.answer()
            assert (answer.status, answer.values(b"connection")) == (200, [])
        assert gateway.process.returncode is None
        await client.close()
