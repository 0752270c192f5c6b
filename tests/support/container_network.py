"""Containers without an engine: each program in a network namespace with its own address."""

import contextlib
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

UNSHARE = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
_SHELL = ("/bin/sh", "-eu", "-c")

#: A bridge with the first address, which has the name `registry`.
_NETWORK = """
mount -t tmpfs run /run && mkdir -p /run/netns
mount --bind "$0" /etc/hosts
{before}
ip link set lo up
ip link add br0 type bridge
ip addr add 10.88.0.1/24 dev br0
ip link set br0 up
"""
_CONTAINER = """
ip netns add c{number}
ip link add v{number} master br0 type veth peer name eth0 netns c{number}
ip link set v{number} up
ip -n c{number} link set lo up
ip -n c{number} addr add 10.88.0.{number}/24 dev eth0
ip -n c{number} link set eth0 up
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program at 10.88.0.`number`; programs with number 1 share the bridge's address."""

    number: int
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path


@contextlib.contextmanager
def container_network(
    folder: Path,
    programs: Sequence[Program],
    names: Mapping[str, str] = MappingProxyType({}),
    *,
    before: str = "",
    as_root: bool = False,
) -> Iterator[int]:
    """Run programs until the block ends, which gets the pid of the process that they come from.

    `names` has names by addresses; `before` is done first, by the shell. As root, programs may become
    another user; else no root is needed. Raises OSError if this system allows no network namespaces.
    """
    file = folder / "hosts"
    hosts = {"127.0.0.1": "localhost", "10.88.0.1": "registry", **names}
    file.write_text("".join(f"{address} {name}\n" for address, name in hosts.items()))
    numbers = sorted({program.number for program in programs} - {1})
    network = _NETWORK.format(before=before)
    network += "".join(_CONTAINER.format(number=number) for number in numbers)
    inside = (*UNSHARE, *(() if as_root else ("--map-root-user",)), *_SHELL)
    tried = subprocess.run([*inside, network, str(file)], capture_output=True, text=True)
    if tried.returncode != 0:
        raise OSError(tried.stderr.strip())
    lines = [network, *map(_line, programs), "wait"]
    running = subprocess.Popen([*inside, "\n".join(lines), str(file)])
    try:
        yield running.pid
    finally:
        running.kill()  # and everything in its process namespace
        running.wait()


def _line(program: Program) -> str:
    inside = ["ip", "netns", "exec", f"c{program.number}"] if program.number > 1 else []
    variables = [f"{name}={value}" for name, value in program.environment.items()]
    command = shlex.join([*inside, "env", "-i", *variables, *program.command])
    return f"{command} > {shlex.quote(str(program.log))} 2>&1 &"
