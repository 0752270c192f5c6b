"""Workers that share a port are one instance: the first registers it, and the last takes it out."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from discovery import Announcement, RegistrySettings, ServiceRegistry, announced
from tests.support.documents import ROOT
from tests.support.registry_events import events_of
from tests.support.registry_servers import free_port
from tests.support.stack_stand_ins import until

APP = """
import os
from contextlib import asynccontextmanager
from discovery import announced
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    port = int(os.environ["PORT"])
    with announced(name="orders_service", port=port, health_path="/worker") as announcement:
        app.state.announcement = announcement
        yield

app = FastAPI(lifespan=lifespan)

@app.get("/worker")
async def worker():
    return {"pid": os.getpid(), "registered": app.state.announcement.registered}
"""


@pytest.fixture
def port() -> Iterator[int]:
    """Something listens there."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield int(sock.getsockname()[1])


@contextmanager
def worker(url: str, port: int, **more: str) -> Iterator[Announcement]:
    """One of several, registered."""
    settings = RegistrySettings(url, heartbeat_interval_s=0.1)
    with announced(
        name="orders_service", port=port, health_path=None, settings=settings, **more
    ) as announcement:
        until(lambda: announcement.registered)
        yield announcement


def ids(url: str) -> list[str]:
    with ServiceRegistry(RegistrySettings(url)) as registry:
        return [one["id"] for service in registry.list_services() for one in service["instances"]]


@pytest.mark.parametrize("leaves_first", [0, 1])
def test_it_is_registered_once_until_the_last_of_them_leaves(
    registry_url: str, port: int, leaves_first: int
) -> None:
    both = [worker(registry_url, port), worker(registry_url, port)]
    one, other = (each.__enter__() for each in both)
    assert ids(registry_url) == [one.instance_id] == [other.instance_id]

    both[leaves_first].__exit__(None, None, None)
    assert events_of(registry_url) == ["registered"]
    both[1 - leaves_first].__exit__(None, None, None)
    assert events_of(registry_url) == ["registered", "deregistered"]


def test_one_of_them_that_drains_drains_nobody_else(registry_url: str, port: int) -> None:
    with worker(registry_url, port) as stays:
        with worker(registry_url, port) as leaves:
            assert asyncio.run(leaves.begin_drain()) is False
        assert events_of(registry_url) == ["registered"]
        assert stays.registered


def test_a_worker_that_says_something_new_registers_it(registry_url: str, port: int) -> None:
    with worker(registry_url, port, version="1.0.0"), worker(registry_url, port, version="1.1.0"):
        with ServiceRegistry(RegistrySettings(registry_url)) as registry:
            (service,) = registry.list_services()
        assert [one["version"] for one in service["instances"]] == ["1.1.0"]
    assert events_of(registry_url) == ["registered", "registered", "deregistered"]


def test_other_ports_and_other_hosts_are_other_instances(registry_url: str, port: int) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as another,
        worker(registry_url, port),
        worker(registry_url, another.getsockname()[1]),
        worker(registry_url, port, host="127.0.0.1"),
    ):
        assert len(set(ids(registry_url))) == 3


def test_the_same_id_at_two_registries_is_taken_out_of_each(registry_url: str, port: int) -> None:
    with worker(registry_url, port), worker(registry_url.replace("/0", "/1"), port):
        pass
    assert ids(registry_url) == ids(registry_url.replace("/0", "/1")) == []


CRASHES = """
import os, sys, time
from discovery import announced
with announced(name="orders_service", port=int(sys.argv[1]), health_path=None) as announcement:
    while not announcement.registered:
        time.sleep(0.01)
    os.kill(os.getpid(), 9)
"""


def test_who_comes_back_after_a_crash_takes_its_own_place(registry_url: str, port: int) -> None:
    """The old id was listed until its lease ended, and had a share of its own."""
    subprocess.run(
        [sys.executable, "-c", CRASHES, str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": registry_url},
        check=False,
        timeout=30,
    )
    (crashed,) = ids(registry_url)
    with worker(registry_url, port) as back:
        assert ids(registry_url) == [crashed] == [back.instance_id]
    assert events_of(registry_url) == ["registered", "registered", "deregistered"]


def test_where_no_lock_can_be_made_each_has_an_id_of_its_own(
    registry_url: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with worker(registry_url, port) as one, worker(registry_url, port) as other:
        assert one.instance_id != other.instance_id


@contextmanager
def uvicorn(folder: Path, url: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Two workers at one port."""
    (folder / "app.py").write_text(APP)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app:app", "--workers", "2", "--port", str(port)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": f"{folder}:{ROOT}",
            "REDIS_URL": url,
            "PORT": str(port),
            "HEARTBEAT_INTERVAL": "0.1",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process, port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def registered_workers(port: int, seen: set[int]) -> set[int]:
    """The pids that have answered so far, and are registered."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/worker", timeout=5) as answer:
            said = json.load(answer)
    except OSError:
        return seen
    if said["registered"]:
        seen.add(said["pid"])
    return seen


def test_uvicorns_workers_come_and_go_as_one_instance(registry_url: str, tmp_path: Path) -> None:
    """Two workers were two ids, with two shares, and each that was restarted drained one."""
    with uvicorn(tmp_path, registry_url) as (process, port):
        seen: set[int] = set()
        until(lambda: len(registered_workers(port, seen)) == 2, within_s=40)
        assert len(ids(registry_url)) == 1

        os.kill(min(seen), signal.SIGTERM)
        until(lambda: len(registered_workers(port, seen)) == 3, within_s=40)
        assert events_of(registry_url) == ["registered"]

        process.terminate()
        process.wait(30)
        assert events_of(registry_url) == ["registered", "draining", "deregistered"]
