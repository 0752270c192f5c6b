"""Real groups of registry servers for tests: a primary with a replica under a sentinel, and a cluster."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis

from gateway.stack.registry.server import own_binary
from tests.support.registry_servers import RegistryServer, free_port

NAME = "registry"
SLOTS = 16384
#: A failover takes about four seconds, and 30 s more where the sentinels got no CPU for two seconds: they
#: mistrust what they see, and begin none until then.
FAILOVER_S = 75.0


def wait_until(look: Callable[[], Any], *, within_s: float = 30.0) -> None:
    """Call `look` until it is true; refusals by a server count as false."""
    deadline_s = time.monotonic() + within_s
    while True:
        with contextlib.suppress(redis.RedisError):
            if look():
                return
        assert time.monotonic() < deadline_s, f"not within {within_s} s"
        time.sleep(0.02)


class Sentinel:
    """One sentinel process that watches a primary."""

    def __init__(self, folder: Path, primary_port: int, quorum: int, *lines: str) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        found = own_binary()
        assert found is not None
        config = folder / "sentinel.conf"
        config.write_text(
            "\n".join(
                (
                    f"port {self.port}",
                    "bind 127.0.0.1",
                    f"dir {folder}",
                    f"sentinel monitor {NAME} 127.0.0.1 {primary_port} {quorum}",
                    # A primary that gets no CPU for a second is not down.
                    f"sentinel down-after-milliseconds {NAME} 2000",
                    f"sentinel failover-timeout {NAME} 3000",
                    *lines,
                    "",
                )
            )
        )
        self._process = subprocess.Popen(
            [found[0], str(config), "--sentinel"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def pause(self) -> None:
        """Make the sentinel hang: it accepts connections but answers nothing."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class FailoverGroup:
    """A primary, its replica, and three sentinels with a quorum of two."""

    def __init__(
        self,
        folder: Path,
        *,
        options: tuple[str, ...] = (),
        sentinel_lines: tuple[str, ...] = (),
        sentinel_login: dict[str, Any] | None = None,
        login: dict[str, Any] | None = None,
    ) -> None:
        self.login = login or {}
        self.primary = RegistryServer(folder / "primary", *options, login=self.login)
        self.replica = RegistryServer(folder / "replica", *options, login=self.login)
        self.sentinels: list[Sentinel] = []
        self._folder = folder
        self._lines = sentinel_lines
        self._sentinel_login = sentinel_login or {}

    def url(self, before: str = "", after: str = "") -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{before}{hosts}/{NAME}{after}"

    def start(self) -> None:
        """Start all and wait until the replica follows and the sentinels know each other."""
        self.primary.start()
        self.replica.start()
        with self.replica.client() as client:
            client.replicaof("127.0.0.1", self.primary.port)  # type: ignore[arg-type]
            wait_until(lambda: client.info("replication")["master_link_status"] == "up")
        for number in range(3):
            folder = self._folder / f"sentinel-{number}"
            self.sentinels.append(Sentinel(folder, self.primary.port, 2, *self._lines))
        for sentinel in self.sentinels:
            with self._ask(sentinel) as client:
                wait_until(lambda client=client: _knows_all(client.sentinel_master(NAME)))

    def failed_over(self) -> bool:
        """Whether the sentinels that answer name the replica as master and it is one."""
        with self.replica.client() as client:
            if client.info("replication")["role"] != "master":
                return False
        for sentinel in self.sentinels:
            with self._ask(sentinel) as client:
                if client.sentinel_master(NAME)["port"] != self.replica.port:
                    return False
        return True

    def replicate(self) -> None:
        """Wait until the replica has all that the primary has now."""
        with self.primary.client() as primary, self.replica.client() as replica:
            wanted = primary.info("replication")["master_repl_offset"]
            wait_until(lambda: replica.info("replication")["slave_repl_offset"] >= wanted)

    def fail_over(self) -> None:
        """Have the sentinels make the replica the master, while the primary stays up."""
        with self._ask(self.sentinels[0]) as client:
            client.sentinel_failover(NAME)

    def stop(self) -> None:
        for sentinel in self.sentinels:
            sentinel.kill()
        self.primary.kill()
        self.replica.kill()

    def _ask(self, sentinel: Sentinel) -> "redis.Redis":
        return redis.Redis(port=sentinel.port, socket_timeout=10, **self._sentinel_login)


def _knows_all(state: dict[str, Any]) -> bool:
    return bool(state["num-slaves"] == 1 and state["num-other-sentinels"] == 2)


@contextlib.contextmanager
def running(group: FailoverGroup) -> Iterator[FailoverGroup]:
    try:
        group.start()
        yield group
    finally:
        group.stop()


@contextlib.contextmanager
def cluster(folder: Path, nodes: int) -> Iterator[list[RegistryServer]]:
    """A cluster of `nodes` primaries that share the slots evenly."""
    bus_ports = [free_port() for _ in range(nodes)]
    servers = [
        RegistryServer(
            folder / str(number), "--cluster-enabled", "yes", "--cluster-port", str(bus_port)
        )
        for number, bus_port in enumerate(bus_ports)
    ]
    try:
        for number, server in enumerate(servers):
            server.start()
            with server.client() as client:
                first, last = SLOTS * number // nodes, SLOTS * (number + 1) // nodes - 1
                client.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
                first_node = ("127.0.0.1", servers[0].port, bus_ports[0])
                client.execute_command("CLUSTER MEET", *first_node)
        for server in servers:
            with server.client() as client:
                wait_until(lambda client=client: _is_whole(client, nodes))
        yield servers
    finally:
        for server in servers:
            server.kill()


def move_slot(slot: int, source: RegistryServer, target: RegistryServer) -> None:
    """Move an empty slot of a cluster.

    The target takes it as an import, which makes its claim the newer one. Otherwise the source may still
    tell it of the slot, and where the source's claim is newer, neither has the slot in the end.
    """
    with source.client() as one, target.client() as other:
        source_id, target_id = (client.execute_command("CLUSTER MYID") for client in (one, other))
        other.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", source_id)
        for client in (other, one):
            client.execute_command("CLUSTER SETSLOT", slot, "NODE", target_id)


def _is_whole(client: Any, nodes: int) -> bool:
    info = client.cluster("info")
    return bool(info["cluster_state"] == "ok" and info["cluster_known_nodes"] == str(nodes))
