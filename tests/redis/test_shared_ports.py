"""Workers that share a port are one instance: the first registers it, and the last deregisters it."""

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

from discovery import (
    Announcement,
    AsyncServiceRegistry,
    RegistrySettings,
    ServiceRegistry,
    announced,
)
from discovery.announcing.announcement import make_announcement
from discovery.model.answers import Standing
from discovery.model.errors import RegistrationRefused
from discovery.model.instance import Instance
from discovery.store import scripts
from tests.support.documents import ROOT
from tests.support.eventually import eventually
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
    """A port that something listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield int(sock.getsockname()[1])


@contextmanager
def worker(url: str, port: int, **more: str) -> Iterator[Announcement]:
    """One of several registered workers."""
    settings = RegistrySettings(url, heartbeat_interval_s=0.1)
    with announced(
        name="orders_service", port=port, health_path=None, settings=settings, **more
    ) as announcement:
        until(lambda: announcement.registered)
        yield announcement


def ids(url: str) -> list[str]:
    with ServiceRegistry(RegistrySettings(url)) as registry:
        return [one["id"] for service in registry.list_services() for one in service["instances"]]


async def passes_probes(url: str, key: str) -> None:
    async with AsyncServiceRegistry(url) as registry:
        await registry.call(scripts.report("a-gateway", 60, [(key, "healthy", "200")]))


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
    """The old id stayed listed until its lease ended, and got a share of the requests.

    The new process starts unprobed: "healthy" was the verdict on the old process, and requests went to
    the new one before it had passed any probe.
    """
    subprocess.run(
        [sys.executable, "-c", CRASHES, str(port)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "REDIS_URL": registry_url},
        check=False,
        timeout=30,
    )
    (crashed,) = ids(registry_url)
    with ServiceRegistry(RegistrySettings(registry_url)) as registry:
        asyncio.run(passes_probes(registry_url, f"orders_service/{crashed}"))
        assert registry.get_service("orders_service") is not None
        with worker(registry_url, port) as back, worker(registry_url, port):
            assert ids(registry_url) == [crashed] == [back.instance_id]
            assert registry.get_service("orders_service") is None  # it is starting
    took_over = ["deregistered", "registered"]
    assert events_of(registry_url) == ["registered", *took_over, "deregistered"]


@pytest.mark.parametrize("is_found", [True, False], ids=["not writable", "not found"])
def test_where_no_lock_can_be_made_each_has_an_id_of_its_own(
    registry_url: str, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_found: bool
) -> None:
    """In a container with a read-only root, no temporary folder is found."""
    nowhere = str(tmp_path / "nowhere")
    monkeypatch.setattr("tempfile.tempdir", nowhere if is_found else None)
    monkeypatch.setattr("tempfile._candidate_tempdir_list", lambda: [nowhere])
    with worker(registry_url, port) as one, worker(registry_url, port) as other:
        assert one.instance_id != other.instance_id


class Registrar:
    """A registry that records its calls; it answers no goodbye until `slow` is set."""

    def __init__(self, registry: str) -> None:
        self.registry = registry
        self.calls: list[str] = []
        self.asked, self.slow = asyncio.Event(), asyncio.Event()
        self.refuses_renewals = False
        self._known = False

    async def register(self, instance: Instance) -> None:
        self.calls.append("register")
        self._known = True

    async def renew(self, key: str) -> str:
        self.calls.append("renew")
        if self.refuses_renewals:
            raise RegistrationRefused("another token")
        return "healthy" if self._known else ""

    async def standing(self, key: str) -> Standing:
        return Standing("healthy")

    async def drain(self, key: str) -> None:
        self.asked.set()
        await self.slow.wait()
        self.calls.append("drain")

    async def drained(self, key: str) -> None: ...

    async def deregister(self, key: str) -> None:
        self.asked.set()
        await self.slow.wait()
        self.calls.append("deregister")
        self._known = False

    async def close(self) -> None: ...


def announcement(registrar: Registrar, port: int) -> Announcement:
    settings = RegistrySettings("redis://nobody.invalid", heartbeat_interval_s=0.05)
    return make_announcement(
        name="orders_service",
        port=port,
        host=None,
        health_path=None,
        metadata=None,
        version=None,
        weight=1,
        instance_id=None,
        settings=settings,
        registrar=registrar,
    )


@pytest.mark.parametrize("goodbye", ["drain", "deregister"])
async def test_who_comes_while_the_last_one_leaves_registers_after_its_goodbye(
    port: int, tmp_path: Path, goodbye: str
) -> None:
    """The late goodbye drained or removed the new worker's registration."""
    registrar = Registrar(str(tmp_path))
    leaves, comes = announcement(registrar, port), announcement(registrar, port)
    leaves.start()
    await eventually(lambda: leaves.registered)
    leaving = asyncio.create_task(leaves.begin_drain() if goodbye == "drain" else leaves.withdraw())
    await registrar.asked.wait()
    comes.start()
    await eventually(comes.listening.is_set)
    await asyncio.sleep(0)  # give it its turn to join
    registrar.slow.set()
    await leaving
    await eventually(lambda: comes.registered)
    kinds = [call for call in registrar.calls if call != "renew"]
    # A registration that still drains is removed, because verdicts on the old process say nothing here.
    assert kinds == ["register", *dict.fromkeys([goodbye, "deregister"]), "register"]
    for one in (leaves, comes):
        await one.withdraw()


async def test_who_comes_second_waits_for_the_first_to_register_it(
    port: int, tmp_path: Path
) -> None:
    """Two workers that started at the same moment each registered the instance."""
    registrar = Registrar(str(tmp_path))
    registrar.slow.set()
    registers, goes_on = registrar.register, asyncio.Event()

    async def register_late(instance: Instance) -> None:
        await goes_on.wait()
        await registers(instance)

    registrar.register = register_late  # type: ignore[method-assign]
    both = [announcement(registrar, port) for _ in range(2)]
    both[0].start()
    await eventually(both[0].listening.is_set)
    both[1].start()
    await eventually(lambda: registrar.calls.count("renew") >= 2)
    goes_on.set()
    await eventually(lambda: all(one.registered for one in both))
    assert registrar.calls.count("register") == 1
    for one in both:
        await one.withdraw()


async def test_who_found_it_registered_is_not_refused_by_a_later_change_of_token(
    port: int, tmp_path: Path
) -> None:
    """`lockgate register` would end a program that has served for a long time."""
    registrar = Registrar(str(tmp_path))
    registrar.slow.set()
    both = [announcement(registrar, port) for _ in range(2)]
    for one in both:
        one.start()
        await eventually(lambda: one.registered)  # noqa: B023
    registrar.refuses_renewals = True
    registrar.calls.clear()
    await eventually(lambda: registrar.calls.count("renew") >= 4)
    assert [one.refused.is_set() for one in both] == [False, False]
    for one in both:
        await one.withdraw()


@contextmanager
def uvicorn(folder: Path, url: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Uvicorn with two workers at one port."""
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
    """The pids that have answered so far and are registered."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/worker", timeout=5) as answer:
            said = json.load(answer)
    except OSError:
        return seen
    if said["registered"]:
        seen.add(said["pid"])
    return seen


def test_uvicorns_workers_come_and_go_as_one_instance(registry_url: str, tmp_path: Path) -> None:
    """Two workers had two ids and two shares, and a restart of one drained one."""
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
