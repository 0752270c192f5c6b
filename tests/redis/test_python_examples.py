"""The programs of docs/python.md, run unchanged against a real registry."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from discovery import RegistrySettings, ServiceRegistry
from tests.support.documents import ROOT, blocks
from tests.support.registry_servers import free_port
from tests.support.stack_stand_ins import until

PROGRAMS = {block.heading: block.text for block in blocks("docs/python.md", "python")}
PORT_THERE = "9000"


class Echo(BaseHTTPRequestHandler):
    """Answers with the requested path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"<{self.path}>".encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def registry(registry_url: str) -> Iterator[ServiceRegistry]:
    """A registry for this test: the process's shared one would not believe that the old data is gone."""
    with ServiceRegistry(RegistrySettings(registry_url)) as registry:
        yield registry


@pytest.fixture
def others(registry: ServiceRegistry) -> Iterator[str]:
    """The URL of a server that is registered as the services that the programs look for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    port = server.server_address[1]
    for name in ("market_data_service", "price_service"):
        registry.register_service(name, "localhost", port, ttl_s=60)
    yield f"http://localhost:{port}"
    server.shutdown()
    serving.join()
    server.server_close()


@contextmanager
def started(heading: str, port: int, url: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAMS[heading].replace(PORT_THERE, str(port))],
        env={**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": url},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def output_of(heading: str, url: str) -> tuple[int, str]:
    with started(heading, 0, url) as process:
        printed, _ = process.communicate(timeout=50)
        return process.returncode, printed


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_every_program_of_the_document_is_tested_here() -> None:
    assert set(PROGRAMS) == {"A plain script", "A thread pool", "FastAPI", "Flask", "aiohttp"}
    assert Path(ROOT / "docs/python.md").read_text().count("```python") == len(PROGRAMS)


def test_the_plain_script_finds_market_data(registry_url: str, others: str) -> None:
    assert output_of("A plain script", registry_url) == (0, "</symbols>\n")


def test_the_plain_script_says_what_is_missing_in_one_line(registry_url: str) -> None:
    status, printed = output_of("A plain script", registry_url)
    assert (status, printed.count("\n")) == (1, 1)
    assert printed.startswith("no market data: no healthy instance of market_data_service")


def test_the_threads_of_the_pool_share_one_registry(registry_url: str, others: str) -> None:
    status, printed = output_of("A thread pool", registry_url)
    paths = [f"</prices/{symbol}>" for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT")]
    assert (status, printed.split()) == (0, paths)


@pytest.mark.parametrize("framework", ["FastAPI", "Flask", "aiohttp"])
def test_the_service_is_found_finds_others_and_takes_its_leave(
    framework: str, registry: ServiceRegistry, registry_url: str, others: str
) -> None:
    port = free_port()
    with started(framework, port, registry_url) as process:
        until(lambda: registry.get_service("orders_service"), within_s=40)
        url = registry.discover_service("orders_service")
        assert url == f"http://localhost:{port}"
        (listed,) = [one for one in registry.list_services() if one["name"] == "orders_service"]
        status, health = get(listed["instances"][0]["health_check_url"])
        assert (status, json.loads(health)) == (200, {"status": "healthy"})
        status, found = get(f"{url}/market")
        assert status == 200
        assert others in found
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    assert registry.get_service("orders_service") is None


@pytest.mark.parametrize("framework", ["FastAPI", "Flask", "aiohttp"])
def test_the_service_answers_503_while_what_it_needs_is_missing(
    framework: str, registry: ServiceRegistry, registry_url: str
) -> None:
    port = free_port()
    with started(framework, port, registry_url):
        until(lambda: connects(f"http://localhost:{port}"), within_s=40)
        status, detail = get(f"http://localhost:{port}/market")
        assert status == 503
        assert "no healthy instance of market_data_service" in detail


def connects(url: str) -> bool:
    try:
        return get(f"{url}/health")[0] == 200
    except OSError:
        return False
