"""The stage of all measurements: two origins and the registry on one core, the proxies on the other."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers import caddy, envoy, haproxy, lockgate, nginx, textbooks, traefik
from bench.peers.peer import SMALL, STREAM, Launch, Peer, Site
from bench.processes import THIS_TREE, Running, StartError, cores, free_port, until_routed
from bench.registry_server import start_registry
from bench.report import Report
from bench.workloads import WORKLOADS, Workload


@dataclass(slots=True)
class Proxy:
    """A running proxy, and its address."""

    peer: Peer
    running: Running

    @property
    def port(self) -> int:
        return self.running.port

    @property
    def small_path(self) -> str:
        return f"{self._prefix}/small"

    def template(self, workload: Workload) -> str:
        return workload.template(f"127.0.0.1:{self.port}", self._prefix)

    @property
    def _prefix(self) -> str:
        return SMALL if self.peer.same_work else ""


@dataclass(slots=True)
class Stage:
    """What can be measured; `quick` asks for short rounds."""

    report: Report
    quick: bool
    python: str
    folder: Path
    load_core: int
    proxy_core: int
    small_port: int
    stream_port: int
    registry: Running
    peers: list[Peer] = field(default_factory=list)
    #: Other checkouts to be compared.
    trees: Sequence[Path] = ()
    workloads: Sequence[Workload] = tuple(WORKLOADS.values())
    #: The page that a section writes its tables to, if it has one.
    page: Path | None = None

    @contextmanager
    def proxies(
        self, wanted: Sequence[Peer], core: int | str | None = None
    ) -> Iterator[list[Proxy]]:
        """Run them together; one that does not start is named and left out."""
        core = self.proxy_core if core is None else core
        with ExitStack() as stack:
            started = []
            for peer in wanted:
                try:
                    started.append(Proxy(peer, stack.enter_context(self._start(peer, core))))
                except StartError as error:
                    self.report.say(f"{peer.title} is left out: {error}")
            yield started

    def chosen(self, *names: str) -> list[Peer]:
        """Lockgate and, in this order, the peers of these names that do the same work."""
        return [p for name in names for p in self.peers if p.name == name and p.same_work]

    @contextmanager
    def _start(self, peer: Peer, core: int | str) -> Iterator[Running]:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        folder.chmod(0o755)
        site = Site(free_port(), self.small_port, self.stream_port, folder)
        launch = peer.launch(site)
        with _run(launch, site, core) as running:
            if peer.name.startswith(lockgate.NAME):
                lockgate.register_origins(site)
            proxy = Proxy(peer, running)
            until_routed(f"http://127.0.0.1:{proxy.port}{proxy.small_path}")
            yield running


@contextmanager
def staged(
    report: Report,
    *,
    quick: bool,
    python: str,
    trees: Sequence[Path] = (),
    workloads: Sequence[Workload] = tuple(WORKLOADS.values()),
    page: Path | None = None,
) -> Iterator[Stage]:
    """Start what all measurements need, and end it afterwards."""
    load_core, proxy_core = cores()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lockgate-bench-")))
        folder.chmod(0o755)  # nginx's worker may run as another user
        registry = stack.enter_context(start_registry(load_core, folder / "registry"))
        stream_port, small_port = free_port(), free_port()
        stream = Launch([sys.executable, "-m", "bench.origin", str(stream_port)])
        stack.enter_context(
            Running(
                stream.command,
                core=load_core,
                folder=folder / "stream",
                port=stream_port,
                environment=THIS_TREE,
            )
        )
        site = Site(small_port, 0, 0, folder)
        small = nginx.origin(site)
        if small is None:
            small_port = stream_port
        else:
            stack.enter_context(_run(small, site, load_core))
        peers = [
            lockgate.peer(python, registry.port),
            *nginx.peers(),
            *haproxy.peers(),
            *envoy.peers(),
            *traefik.peers(),
            *caddy.peers(),
            *textbooks.peers(python),
        ]
        yield Stage(
            report,
            quick,
            python,
            folder,
            load_core,
            proxy_core,
            small_port,
            stream_port,
            registry,
            peers,
            trees,
            workloads,
            page,
        )


def stream_path(path: str) -> str:
    """The streaming origin's path at a proxy that does the same work."""
    return f"{STREAM}{path}"


def _run(launch: Launch, site: Site, core: int | str) -> Running:
    return Running(
        launch.command,
        core=core,
        folder=site.folder,
        port=site.port,
        environment=launch.environment,
    )
