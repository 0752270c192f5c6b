"""What a scenario breaks: a registry, gateways and instances, each a real process."""

import asyncio
import itertools
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import redis.asyncio
from redis.exceptions import RedisError

from bench.chaos import proofs
from bench.chaos.copies import Copy
from bench.chaos.instance import Fault, InstanceSpec
from bench.chaos.outcome import Death
from bench.chaos.peers import JUDGED_WITHIN_S, SETTLES_S, Peer, Site
from bench.chaos.programs import STARTS_WITHIN_S, Program
from bench.chaos.proofs import NothingBroken
from bench.chaos.rolls.balancer import balancer_command
from bench.chaos.rolls.releases import Release
from bench.chaos.slow_proxy import SlowProxy
from bench.processes import THIS_TREE, free_port
from bench.registry_server import registry_binary, registry_command
from discovery.announcing.listening import listens
from discovery.base.tasks import end
from discovery.model.settings import RegistrySettings

SERVICE = "chaos_service"
OTHER_SERVICE = "other_service"
TOKEN = "the-token-of-chaos"
SENTINEL_NAME = "chaos"
LONG_AGO_S = float("-inf")
#: The file of a gateway that judges instances by real requests.
JUDGES = f"""
services:
  {SERVICE}:
    outliers: {{}}
    breaker: {{}}
    retries: {{attempts: 3, on: [connect, reset, timeout, 500, 502, 503], per_try: 0}}
"""
#: The file of a gateway that remembers answers. The route stays when no instance is registered.
REMEMBERS = f"""
routes: [{{{{name: chaos, match: {{{{prefix: /api/chaos}}}}, service: {SERVICE}, cache: {{cache}}}}}}]
"""
#: An instance that is slow answers by then.
SLOW_WITHIN_S = 5.0
#: How soon a peer's sidecar sees that its instance listens; it renews as often as Lockgate's do.
SIDECARS_LOOK_EACH_S = 0.1
PORT_FREE_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Times:
    """The settings of a form of the suite; seconds."""

    heartbeat_s: float
    lease_s: float
    probe_each_s: float
    probe_within_s: float


#: The product's defaults.
DEFAULTS = Times(5, 15, 5, 2)
QUICK = Times(0.5, 2, 0.5, 0.5)
#: For a machine that other tests use at the same time.
SLOW = Times(5, 60, 5, 10)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a scenario needs before anything breaks."""

    instances: int = 3
    gateways: int = 1
    #: The registry's data survive its death.
    durable: bool = False
    #: A replica, and a Sentinel that promotes it.
    sentinel: bool = False
    #: Everything reaches the registry through a proxy that can be slow.
    slow_proxy: bool = False
    closes_idle_after_s: float | None = None
    #: A gateway's limit.
    descriptors: int | None = None
    #: How instances misbehave once an act says so.
    fault: Fault | None = None
    #: The gateway judges instances by real requests, and repeats those that fail.
    judges: bool = False
    #: GATEWAY_WORKERS.
    workers: int = 1
    #: WORKER_READY_TIMEOUT: more than the default, since clients, services and workers share the cores here.
    ready_within_s: float = 60
    #: The clients' requests go through an HAProxy to the gateways.
    balanced: bool = False
    #: The gateway's code is a copy that can be spoilt.
    released: bool = False
    #: The section `cache` of the route to the instances; empty: the gateway has no file for it.
    cache: str = ""


class World:
    """All processes of one scenario, and the times of the fault and its repair.

    The gateways are Lockgate's or a peer's.
    """

    def __init__(self, shape: Shape, times: Times, folder: Path, peer: Peer | None = None) -> None:
        self.folder = folder
        self.peer = peer
        self._entering = asyncio.Lock()
        self.times = times
        self.shape = shape
        self._everything: list[Program] = []
        self._copies: list[Copy] = []
        self.registry = self._registry_server("registry", *_durable(shape))
        self.proxy = SlowProxy(self.registry.port)
        self.gateways: list[Program] = []
        self.balancer: Program | None = None
        self.release = Release(folder / "release") if shape.released else None
        #: By instance id: those that should be healthy, unless they are broken at the moment.
        self.instances: dict[str, Copy] = {}
        self.broken_at_s: float | None = None
        self.mended_at_s: float | None = None
        #: Faults that were seen beside those of requests.
        self.complaints: list[str] = []
        #: The processes that were killed during their work.
        self.deaths: list[Death] = []
        self._dying: set[asyncio.Task[None]] = set()
        self._sentinel_port = free_port()
        self._numbers = itertools.count(1)
        self._starts = itertools.count(1)

    @property
    def registry_url(self) -> str:
        if self.shape.sentinel:
            return f"redis+sentinel://127.0.0.1:{self._sentinel_port}/{SENTINEL_NAME}"
        port = self.proxy.port if self.shape.slow_proxy else self.registry.port
        return f"redis://127.0.0.1:{port}/0"

    @property
    def registry_settings(self) -> RegistrySettings:
        return RegistrySettings(
            self.registry_url,
            heartbeat_interval_s=self.times.heartbeat_s,
            instance_ttl_s=self.times.lease_s,
        )

    @property
    def _gateway_starts_within_s(self) -> float:
        """Workers that start together compete for the processor."""
        return STARTS_WITHIN_S * self.shape.workers * self.shape.gateways

    def ports(self) -> list[int]:
        """The ports that clients use: those of the gateways, or the one in front of them."""
        if self.balancer is not None:
            return [self.balancer.port]
        return [gateway.port for gateway in self.gateways]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything, and end it after the block. Raises StartError."""
        async with AsyncExitStack() as stack:
            stack.callback(self._kill_everything)
            await self.registry.start()
            if self.shape.slow_proxy:
                await self.proxy.start()
                stack.push_async_callback(self.proxy.stop)
            if self.shape.sentinel:
                await self._start_sentinel()
            await asyncio.gather(
                *(self.add_gateway() for _ in range(self.shape.gateways)),
                *(self.add_instance() for _ in range(self.shape.instances)),
            )
            if self.shape.balanced:
                await self._start_balancer()
            if self.peer is not None:
                sidecars = asyncio.create_task(self._be_sidecars(self.peer))
                stack.push_async_callback(end, sidecars)
            try:
                yield
            finally:
                await asyncio.gather(*self._dying)

    # The faults

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Something is broken inside the block; the whole scenario counts from its first moment."""
        self.broken_at_s = time.monotonic()
        yield
        self.mended_at_s = time.monotonic()

    def kill(self, victim: Copy | Program) -> None:
        """Send SIGKILL, which may cost the requests in flight there. Raises NothingBroken."""
        _has_to_run(victim)
        death = Death(time.monotonic(), port=victim.port)
        self.deaths.append(death)
        victim.kill()
        task = asyncio.create_task(_note_end(victim, death))
        self._dying.add(task)
        task.add_done_callback(self._dying.discard)

    def kill_registry(self) -> None:
        """Kill it. Raises NothingBroken."""
        _has_to_run(self.registry)
        self.registry.kill()

    def hang(self, victim: Copy | Program) -> None:
        victim.signal(signal.SIGSTOP)

    def misbehave(self, victim: Copy) -> None:
        """Begin with the shape's fault, or end it."""
        victim.signal(signal.SIGUSR2)

    def resume(self, victim: Copy | Program) -> None:
        """Continue it. Raises NothingBroken if it did not hang until now."""
        proofs.stands_still(victim.pid)
        victim.signal(signal.SIGCONT)

    async def start_again(self, program: Program) -> None:
        """Start a killed program again, at its port."""
        await program.start()
        for death in self.deaths:
            if death.port == program.port:
                death.back_s = min(death.back_s, time.monotonic())

    async def failed_over(self) -> None:
        """Raise NothingBroken if the Sentinel still names its first master."""
        await proofs.promoted(self._sentinel_port, SENTINEL_NAME, self.registry.port)

    async def add_instance(self, spec: InstanceSpec | None = None) -> Copy:
        """Add a new instance, at a free port or with the spec of another one."""
        number = next(self._numbers)
        if spec is None:
            spec = self._spec(f"chaos-{number}", free_port())
        copy = Copy(spec)
        self._copies.append(copy)
        self.instances[spec.instance_id] = copy
        await copy.start()
        return copy

    async def replace(self, copy: Copy) -> Copy:
        """Start the same program at the same port, as a supervisor does: with a new id."""
        self.instances.pop(copy.spec.instance_id, None)
        await copy.gone()
        return await self.add_instance(
            replace(copy.spec, instance_id=f"chaos-{next(self._numbers)}")
        )

    async def remove(self, copy: Copy, within_s: float = 5.0) -> None:
        """Stop the instance properly."""
        self.instances.pop(copy.spec.instance_id, None)
        if self.peer is not None:
            async with self._entering:
                with suppress(RedisError, OSError):
                    await self.peer.take_out(copy.spec.instance_id)
            await asyncio.sleep(SETTLES_S)
        await copy.stop(within_s)

    async def add_gateway(self) -> Program:
        """Start one more gateway. Raises StartError if it does not come up."""
        gateway = self._gateway()
        await gateway.start(self._gateway_starts_within_s)
        self.gateways.append(gateway)
        return gateway

    async def replace_gateway(self, old: Program) -> Program:
        """Stop a gateway, and start another one at its port as soon as it is free; the old one finishes."""
        old.signal(signal.SIGTERM)
        return await self.succeed(old)

    async def succeed(self, old: Program) -> Program:
        """Start a gateway at the port of one that ends. Raises StartError."""
        async with asyncio.timeout(PORT_FREE_WITHIN_S):
            while await listens("127.0.0.1", old.port):  # noqa: ASYNC110 - a port says nothing
                await asyncio.sleep(SIDECARS_LOOK_EACH_S)
        gateway = self._gateway(old.port)
        await gateway.start(self._gateway_starts_within_s)
        self.gateways[self.gateways.index(old)] = gateway
        return gateway

    async def flush(self) -> None:
        """Flush the registry. Raises NothingBroken if it was empty."""
        async with redis.asyncio.Redis(port=self.registry.port) as client:
            transaction = client.pipeline(transaction=True)
            transaction.dbsize()
            transaction.flushall()
            keys, _ = await transaction.execute()
        proofs.emptied(keys)

    async def _be_sidecars(self, peer: Peer) -> None:
        """Enter each instance with the peer when it listens, and renew its lease while it runs."""
        entered_s: dict[str, float] = {}
        while True:
            now_s = time.monotonic()
            with suppress(RedisError, OSError):
                async with self._entering:
                    due = {
                        instance_id: copy.spec.port
                        for instance_id, copy in list(self.instances.items())
                        if copy.runs
                        and now_s - entered_s.get(instance_id, LONG_AGO_S) >= self.times.heartbeat_s
                        and await listens("127.0.0.1", copy.spec.port)
                    }
                    await peer.enter(
                        {one: port for one, port in due.items() if one in self.instances}
                    )
                    entered_s |= dict.fromkeys(due, now_s)
            await asyncio.sleep(SIDECARS_LOOK_EACH_S)

    # How it is made

    def _spec(self, instance_id: str, port: int) -> InstanceSpec:
        return InstanceSpec(
            SERVICE,
            instance_id,
            port,
            self.registry_settings,
            self.folder / f"{instance_id}.posts",
            self.shape.closes_idle_after_s,
            self.shape.fault,
        )

    def _gateway(self, port: int | None = None) -> Program:
        port = port or free_port()
        times = self.times
        if self.peer is not None:
            folder = self.folder / f"gateway-{port}"
            folder.mkdir(parents=True, exist_ok=True)
            command = self.peer.command(
                Site(
                    port,
                    folder,
                    self.proxy.port if self.shape.slow_proxy else self.registry.port,
                    (self._sentinel_port, SENTINEL_NAME) if self.shape.sentinel else None,
                    times.probe_each_s,
                    times.probe_within_s,
                    times.lease_s,
                    self.shape.judges,
                )
            )
            return self._program(command, port, folder.name)
        environment = {
            **THIS_TREE,
            "GATEWAY_PORT": str(port),
            "REDIS_URL": self.registry_url,
            "ADMIN_TOKEN": TOKEN,
            "RATE_LIMIT_REQUESTS": "1000000",
            "HEARTBEAT_INTERVAL": f"{times.heartbeat_s:g}",
            "INSTANCE_TTL": f"{times.lease_s:g}",
            "HEALTH_CHECK_INTERVAL": f"{times.probe_each_s:g}",
            "HEALTH_CHECK_TIMEOUT": f"{times.probe_within_s:g}",
            "VIEW_FILE": str(self.folder / "view.json"),
            "UPSTREAM_TIMEOUT": "2",
            "SHUTDOWN_GRACE": "2",
        }
        if self.shape.workers > 1:
            environment["GATEWAY_WORKERS"] = str(self.shape.workers)
            environment["WORKER_READY_TIMEOUT"] = f"{self.shape.ready_within_s:g}"
            environment["SHUTDOWN_GRACE"] = "4"
            environment["UPSTREAM_TIMEOUT"] = "30"
            environment["TUNNEL_GRACE"] = "40"
        if self.release is not None:
            environment["PYTHONPATH"] = self.release.make()
        if self.shape.judges:
            file = self.folder / "lockgate.yaml"
            file.write_text(JUDGES, "utf-8")
            environment["GATEWAY_CONFIG"] = str(file)
            environment["UPSTREAM_TIMEOUT"] = f"{JUDGED_WITHIN_S}"
        if self.shape.cache:
            file = self.folder / "lockgate.yaml"
            file.write_text(REMEMBERS.format(cache=self.shape.cache), "utf-8")
            environment["GATEWAY_CONFIG"] = str(file)
            environment["UPSTREAM_TIMEOUT"] = f"{SLOW_WITHIN_S}"
        command = [sys.executable, "-m", "gateway"]
        name = f"gateway-{port}-{next(self._starts)}"
        return self._program(command, port, name, environment)

    async def _start_balancer(self) -> None:
        self.balancer = self._program(
            *balancer_command(self.folder / "balancer", [one.port for one in self.gateways]),
            "balancer",
        )
        await self.balancer.start()

    def _registry_server(self, name: str, *options: str, port: int | None = None) -> Program:
        port = port or free_port()
        # Traefik listens to these events.
        command = registry_command(port, *options, "--notify-keyspace-events", "KEA")
        return self._program(command, port, name)

    async def _start_sentinel(self) -> None:
        master = f"127.0.0.1 {self.registry.port}"
        replica = self._registry_server("replica", "--replicaof", master)
        await replica.start()
        folder = self.folder / "sentinel"
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "sentinel.conf"
        config.write_text(
            f"port {self._sentinel_port}\nbind 127.0.0.1\n"
            f"sentinel monitor {SENTINEL_NAME} {master} 1\n"
            f"sentinel down-after-milliseconds {SENTINEL_NAME} 500\n"
            f"sentinel failover-timeout {SENTINEL_NAME} 5000\n"
        )
        command = [registry_binary(), str(config), "--sentinel"]
        await self._program(command, self._sentinel_port, "sentinel").start()

    def _program(
        self, command: list[str], port: int, name: str, environment: dict[str, str] | None = None
    ) -> Program:
        if self.shape.descriptors is not None and name.startswith("gateway"):
            limit = f'ulimit -n {self.shape.descriptors} && exec "$@"'
            command = ["sh", "-c", limit, "sh", *command]
        program = Program(command, port=port, folder=self.folder / name, environment=environment)
        self._everything.append(program)
        return program

    def _kill_everything(self) -> None:
        for copy in self._copies:
            copy.kill()
        for program in self._everything:
            program.end()


def _has_to_run(victim: Copy | Program) -> None:
    if not victim.runs:
        raise NothingBroken("what was to be killed did not run")


async def _note_end(victim: Copy | Program, death: Death) -> None:
    if isinstance(victim, Copy):
        await victim.gone()
    death.gone_s = time.monotonic()


def _durable(shape: Shape) -> list[str]:
    return ["--appendonly", "yes", "--appendfsync", "always"] if shape.durable else []
