"""An HAProxy in front of several gateways, as one stands before a system of several machines."""

from collections.abc import Sequence
from pathlib import Path

from bench.peers.peer import find
from bench.processes import StartError, free_port

_CONFIG = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    option redispatch 1
    retries 3
    timeout connect 2s
    timeout check 5s
    timeout client 75s
    timeout server 75s
    timeout tunnel 1h
frontend public
    bind 127.0.0.1:{port} backlog 4096
    default_backend gateways
backend gateways
    balance roundrobin
    option httpchk GET /ready
    default-server check inter 250ms fall 1 rise 2
{servers}
"""


def balancer_command(folder: Path, ports: Sequence[int]) -> tuple[list[str], int]:
    """Its command and its port. Raises StartError if HAProxy is not installed."""
    binary = find("haproxy")
    if binary is None:
        raise StartError("HAProxy is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    port, config = free_port(), folder / "haproxy.cfg"
    servers = "\n".join(f"    server gateway{port} 127.0.0.1:{port}" for port in ports)
    config.write_text(_CONFIG.format(port=port, servers=servers), "utf-8")
    return [binary, "-db", "-f", str(config)], port
