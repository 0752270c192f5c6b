"""Other gateways under the same faults: Traefik on its Redis provider, HAProxy by its runtime API.

Lockgate's services register with neither, so the world does what a sidecar of each instance would
do: it enters the instance, renews its lease, and removes it before it stops. Both peers probe each
instance as Lockgate does, and both repeat what may be repeated.
"""

import asyncio
import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

import aiohttp
import redis.asyncio

from bench.peers import haproxy, traefik
from bench.peers.peer import find, version_of
from bench.processes import free_port

SERVICE = "chaos"
#: From removing an instance to stopping it, so that the peer learns of it.
SETTLES_S = 0.5
ANSWERS_WITHIN_S = 1.0
UPSTREAM_WITHIN_S = 2
#: Where an instance that is slow by 2 s is to be judged, and not to fail.
JUDGED_WITHIN_S = 4
#: Server slots in HAProxy: for instances that run, and for those whose lease has not ended yet.
PLACES = 400
COMMANDS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Site:
    """A peer's settings: where it listens and writes, and how it probes. Times are seconds."""

    port: int
    folder: Path
    registry_port: int
    sentinel: tuple[int, str] | None
    probe_each_s: float
    probe_within_s: float
    lease_s: float
    #: It judges instances by real requests, and repeats those that fail.
    judges: bool = False


class Peer(Protocol):
    """A peer in a world."""

    name: ClassVar[str]
    #: It learns of instances from the registry, so scenarios that break the registry apply.
    on_registry: ClassVar[bool]

    def command(self, site: Site) -> list[str]:
        """Write the configuration of one more gateway, and return its command line."""

    async def enter(self, instances: Mapping[str, int]) -> None:
        """Enter these instances, ports by id, or renew their leases; also called without any."""

    async def take_out(self, instance_id: str) -> None: ...

    async def is_well(self, port: int, expected: set[int]) -> bool:
        """Whether the gateway at `port` has exactly these instances and finds them up."""


def routing_keys(service: str) -> dict[str, str]:
    """The keys of a service under Traefik's root key, beside its servers."""
    return {
        f"traefik/http/routers/{service}/rule": f"PathPrefix(`/api/{service}`)",
        f"traefik/http/routers/{service}/service": service,
        f"traefik/http/routers/{service}/middlewares/0": "again",
        "traefik/http/middlewares/again/retry/attempts": "3",
    }


@dataclass
class Traefik:
    """Each instance's key lives as long as its lease; each renewal writes the service's keys."""

    name: ClassVar[str] = traefik.NAME
    on_registry: ClassVar[bool] = True
    _admins: dict[int, int] = field(default_factory=dict)
    _site: Site | None = None

    def command(self, site: Site) -> list[str]:
        self._site = site
        self._admins[site.port] = free_port()
        endpoints = [f"127.0.0.1:{site.registry_port}"]
        provider: dict[str, Any] = {"endpoints": endpoints, "rootKey": "traefik"}
        if site.sentinel is not None:
            provider["endpoints"] = [f"127.0.0.1:{site.sentinel[0]}"]
            provider["sentinel"] = {"masterName": site.sentinel[1]}
        static = {
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            "log": {"level": "ERROR"},
            "api": {"insecure": True},
            "entryPoints": {
                "web": {"address": f"127.0.0.1:{site.port}"},
                "traefik": {"address": f"127.0.0.1:{self._admins[site.port]}"},
            },
            "providers": {"providersThrottleDuration": "100ms", "redis": provider},
            "serversTransport": {
                "forwardingTimeouts": {
                    "dialTimeout": "1s",
                    "responseHeaderTimeout": f"{within_s(site)}s",
                }
            },
        }
        config = site.folder / "traefik.yml"
        config.write_text(json.dumps(static), "utf-8")
        return [str(find("traefik")), f"--configFile={config}"]

    async def enter(self, instances: Mapping[str, int]) -> None:
        site = self._site
        if site is None or not instances:
            return
        balancer = f"traefik/http/services/{SERVICE}/loadbalancer"
        keys = routing_keys(SERVICE) | {
            f"{balancer}/healthcheck/path": "/health",
            f"{balancer}/healthcheck/interval": f"{site.probe_each_s:g}s",
            f"{balancer}/healthcheck/timeout": f"{site.probe_within_s:g}s",
        }
        async with self._registry() as client:
            change = client.pipeline(transaction=True)
            change.mset(keys)
            for instance_id, port in instances.items():
                lease_ms = round(site.lease_s * 1000)
                change.set(_server(instance_id), f"http://127.0.0.1:{port}", px=lease_ms)
            await change.execute()

    async def take_out(self, instance_id: str) -> None:
        async with self._registry() as client:
            await client.delete(_server(instance_id))

    async def is_well(self, port: int, expected: set[int]) -> bool:
        timeout = aiohttp.ClientTimeout(total=ANSWERS_WITHIN_S)
        url = f"http://127.0.0.1:{self._admins[port]}/api/http/services/{SERVICE}@redis"
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(url) as answer,
            ):
                said = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False
        up = {url for url, status in said.get("serverStatus", {}).items() if status == "UP"}
        return {f"http://127.0.0.1:{port}" for port in expected} <= up

    def _registry(self) -> redis.asyncio.Redis:
        site = self._site
        assert site is not None
        if site.sentinel is None:
            return redis.asyncio.Redis(
                port=site.registry_port, socket_timeout=3, socket_connect_timeout=1
            )
        sentinel = redis.asyncio.Sentinel([("127.0.0.1", site.sentinel[0])], socket_timeout=1)  # type: ignore[no-untyped-call]
        client: redis.asyncio.Redis = sentinel.master_for(site.sentinel[1], socket_timeout=1)
        return client


_HAPROXY = """
global
    stats socket ipv4@127.0.0.1:{admin} level admin
defaults
    mode http
    timeout connect 1s
    timeout client 75s
    timeout server {within_s}s
    timeout check {check_within_ms}ms
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response response-timeout{failures}
frontend public
    bind 127.0.0.1:{port}
    default_backend chaos
backend chaos
    balance leastconn
    option httpchk GET /health
    http-request disable-l7-retry if METH_POST
    default-server check inter {check_each_ms}ms fall 2 rise 1
    default-server observe layer{layer} error-limit {errors} on-error mark-down
"""


@dataclass(slots=True)
class _Place:
    """A server slot of the configuration while an instance has it."""

    name: str
    port: int
    renewed_s: float = 0.0


@dataclass
class HAProxy:
    """Fills and empties server slots; an instance keeps its slot until its lease ends.

    Changes by the runtime API are also written to the configuration, for a restart.
    """

    name: ClassVar[str] = haproxy.NAME
    on_registry: ClassVar[bool] = False
    _admins: dict[Site, int] = field(default_factory=dict)
    _places: dict[str, _Place] = field(default_factory=dict)

    def command(self, site: Site) -> list[str]:
        self._admins[site] = free_port()
        self._write(site)
        return [str(find("haproxy")), "-db", "-f", str(_config(site))]

    async def enter(self, instances: Mapping[str, int]) -> None:
        now_s = time.monotonic()
        for instance_id, port in instances.items():
            if instance_id not in self._places:
                taken = {place.name for place in self._places.values()}
                name = next(name for n in range(1, PLACES + 1) if (name := f"s{n}") not in taken)
                self._places[instance_id] = _Place(name, port)
            self._places[instance_id].renewed_s = now_s
        for instance_id, place in list(self._places.items()):
            if any(now_s - place.renewed_s >= site.lease_s for site in self._admins):
                await self.take_out(instance_id)
        for site, admin in self._admins.items():
            self._write(site)
            there = await _servers(admin)
            await _say(
                admin,
                [
                    f"set server {SERVICE}/{place.name} {change}"
                    for place in self._places.values()
                    if not _is_in(place, there)
                    for change in (f"addr 127.0.0.1 port {place.port}", "state ready")
                ],
            )

    async def take_out(self, instance_id: str) -> None:
        place = self._places.pop(instance_id, None)
        if place is not None:
            for site, admin in self._admins.items():
                self._write(site)
                await _say(admin, [f"set server {SERVICE}/{place.name} state maint"])

    def _write(self, site: Site) -> None:
        """Write the configuration for a restart, with the present instances."""
        there = {place.name: place.port for place in self._places.values()}
        names = [f"s{number}" for number in range(1, PLACES + 1)]
        servers = "".join(
            f"    server {name} 127.0.0.1:{there[name]}\n"
            if name in there
            else f"    server {name} 127.0.0.1:1 disabled\n"
            for name in names
        )
        text = _HAPROXY.format(
            port=site.port,
            admin=self._admins[site],
            within_s=within_s(site),
            check_each_ms=round(site.probe_each_s * 1000),
            check_within_ms=round(site.probe_within_s * 1000),
            failures=" 500" if site.judges else "",
            layer=7 if site.judges else 4,
            errors=5 if site.judges else 1,
        )
        _config(site).write_text(text + servers, "utf-8")

    async def is_well(self, port: int, expected: set[int]) -> bool:
        (admin,) = (admin for site, admin in self._admins.items() if site.port == port)
        there = await _servers(admin)
        return expected <= {at for status, at in there.values() if status.startswith("UP")}


def installed() -> list[tuple[Callable[[], Peer], str]]:
    """A maker for each installed peer, with its name and version."""
    found: list[tuple[Callable[[], Peer], str]] = []
    if binary := find("traefik"):
        found.append((Traefik, f"Traefik {version_of([binary, 'version'], word='Version:')}"))
    if binary := find("haproxy"):
        version = version_of([binary, "-v"], word="version ").partition("-")[0]
        found.append((HAProxy, f"HAProxy {version}"))
    return found


def within_s(site: Site) -> int:
    """How long a peer waits for an answer's head."""
    return JUDGED_WITHIN_S if site.judges else UPSTREAM_WITHIN_S


def _config(site: Site) -> Path:
    return site.folder / "haproxy.cfg"


def _server(instance_id: str) -> str:
    return f"traefik/http/services/{SERVICE}/loadbalancer/servers/{instance_id}/url"


def _is_in(place: _Place, there: Mapping[str, tuple[str, int]]) -> bool:
    status, port = there.get(place.name, ("MAINT", 0))
    return port == place.port and not status.startswith("MAINT")


async def _servers(admin: int) -> dict[str, tuple[str, int]]:
    """(status, port) of HAProxy's server slots by name; empty if it does not answer."""
    lines = (await _say(admin, ["show stat"])).lstrip("# ").splitlines()
    rows = csv.DictReader(line for line in lines if line)
    return {
        row["svname"]: (row["status"], int(row["addr"].rpartition(":")[2]))
        for row in rows
        if row["pxname"] == SERVICE and row["svname"] != "BACKEND"
    }


async def _say(admin: int, commands: Sequence[str]) -> str:
    """Send HAProxy these commands, and return its answer; empty if there is none."""
    said = b""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            for first in range(0, len(commands), COMMANDS_AT_ONCE):
                batch = commands[first : first + COMMANDS_AT_ONCE]
                reader, writer = await asyncio.open_connection("127.0.0.1", admin)
                try:
                    writer.write(";".join(batch).encode() + b"\n")
                    said += await reader.read(-1)
                finally:
                    writer.transport.abort()
    return said.decode()
