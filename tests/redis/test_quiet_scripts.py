"""Discovery writes nothing to a script's standard output: its events go to `logging` or structlog."""

import os
import subprocess
import sys

import pytest
import redis

from tests.support.documents import ROOT

WATCH = """
import asyncio
from contextlib import aclosing
from discovery import AsyncServiceRegistry

async def main():
    async with AsyncServiceRegistry() as registry:
        await registry.register_service("orders", "localhost", 9000, instance_id="o1")
        async with aclosing(registry.watch("orders")) as changes:
            async for change in changes:
                print(change.kind)
                break
asyncio.run(main())
"""
LIST = """
from discovery import get_service_registry
print(get_service_registry().list_services())
"""
ANNOUNCE = """
import asyncio, socket
from aiohttp import web
from discovery import announce

async def main():
    sock = socket.create_server(("localhost", 0))
    app = web.Application()
    announcement = announce(app, name="orders", port=sock.getsockname()[1])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, sock).start()
    while not announcement.registered:
        await asyncio.sleep(0.01)
    await runner.cleanup()
asyncio.run(main())
"""


def output_of(program: str, url: str) -> tuple[str, str]:
    """What a script prints to standard output and standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": url},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout, done.stderr


def test_watching_prints_nothing_by_itself(registry_url: str) -> None:
    assert output_of(WATCH, registry_url) == ("snapshot\n", "")


def test_announcing_prints_nothing_by_itself(registry_url: str) -> None:
    assert output_of(ANNOUNCE, registry_url) == ("", "")


def test_a_record_that_is_not_ours_is_told_on_standard_error(registry_url: str) -> None:
    with redis.Redis.from_url(registry_url) as client:
        client.zadd("{lockgate:default}:index", {"orders/o1": 0})
    out, error = output_of(LIST, registry_url)
    assert out == "[]\n"
    assert error.startswith("registry.invalid_record key='orders/o1' detail=")


@pytest.mark.parametrize(
    ("configured", "where"),
    [
        ("import logging, sys; logging.basicConfig(level='INFO', stream=sys.stdout)", "INFO:lock"),
        ("import structlog; structlog.configure()", "registry.connected"),
    ],
)
def test_a_program_that_configures_logs_gets_the_events(
    configured: str, where: str, registry_url: str
) -> None:
    out, error = output_of(configured + WATCH, registry_url)
    assert (where in out, "registry.connected" in out, error) == (True, True, "")
