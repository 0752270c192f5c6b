"""A stop signal is held back until the drain is known; until then the port answers."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.documents import ROOT
from tests.support.registry_events import events_of
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.registry_workers import let_a_worker_live
from tests.support.stack_stand_ins import until

RUN_APP = """
import sys
from aiohttp import web
from discovery import announce

port = int(sys.argv[1])
app = web.Application()
announce(app, name="orders_service", port=port)
{more}
web.run_app(app, host="127.0.0.1", port=port{options})
"""
UVICORN = """
import sys
from contextlib import asynccontextmanager
import uvicorn
from discovery import announced
from fastapi import FastAPI

port = int(sys.argv[1])

@asynccontextmanager
async def lifespan(app):
    with announced(name="orders_service", port=port):
        yield

uvicorn.run(FastAPI(lifespan=lifespan), host="127.0.0.1", port=port)
"""
HTTP_SERVER = """
import http.server, sys
from discovery import announced

port = int(sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler)
with announced(name="orders_service", port=port):
    server.serve_forever()
"""
PROGRAMS = {
    "run_app": (RUN_APP.format(more="", options=""), 0),
    "uvicorn": (UVICORN, -signal.SIGTERM),
    "http.server": (HTTP_SERVER, 128 + signal.SIGTERM),
}


@contextmanager
def running(program: str, url: str) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """The program with its port, once it is registered."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: "registered" in events_of(url), within_s=40)
        yield process, port
    finally:
        process.kill()
        process.communicate()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20):
            return True
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return True
    except OSError:
        return False


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_service_answers_until_its_drain_is_known(name: str, registry_url: str) -> None:
    program, status = PROGRAMS[name]
    with running(program, registry_url) as (process, port):
        let_a_worker_live(registry_url)
        process.terminate()
        until(lambda: "draining" in events_of(registry_url))
        assert answers(port)
        _, error = process.communicate(timeout=20)
        assert process.returncode == status
        assert "Traceback" not in error
    assert events_of(registry_url) == ["registered", "draining", "deregistered"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_registry_that_is_away_holds_no_signal_back_for_long(
    name: str, own_registry: RegistryServer
) -> None:
    program, status = PROGRAMS[name]
    with running(program, own_registry.url) as (process, _):
        own_registry.kill()
        process.terminate()
        process.communicate(timeout=30)
        assert process.returncode == status


def test_everything_that_an_app_announces_is_drained(registry_url: str) -> None:
    more = 'announce(app, name="invoices_service", port=port)'
    with running(RUN_APP.format(more=more, options=""), registry_url) as (process, port):
        until(lambda: events_of(registry_url) == ["registered"] * 2)
        let_a_worker_live(registry_url)
        process.terminate()
        until(lambda: events_of(registry_url).count("draining") == 2)
        assert answers(port)
        process.communicate(timeout=20)
        assert process.returncode == 0


def test_an_app_that_handles_signals_itself_keeps_its_handler(registry_url: str) -> None:
    more = "import os, signal; signal.signal(signal.SIGTERM, lambda *_: os._exit(9))"
    program = RUN_APP.format(more=more, options=", handle_signals=False")
    with running(program, registry_url) as (process, _):
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 9
    assert events_of(registry_url) == ["registered"]


#: A drain that never ends, as if a worker never finished a request.
NEVER_DRAINED = """
import asyncio
from discovery.announcing.registrar import RedisRegistrar
RedisRegistrar.drained = lambda self, key: asyncio.sleep(600)
"""


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_second_signal_waits_for_nothing(name: str, registry_url: str) -> None:
    program, status = PROGRAMS[name]
    slow = f"{NEVER_DRAINED}\n{program}"
    with running(slow, registry_url) as (process, _):
        process.terminate()
        until(lambda: "draining" in events_of(registry_url))
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == status
    assert events_of(registry_url) == ["registered", "draining", "deregistered"]
