"""etcd over its HTTP/JSON gateway: a registration is a key with a lease, and a watch follows the prefix."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson

from bench.peers.peer import find, version_of
from bench.processes import Running, free_port

PREFIX = "/services/"


def version() -> str | None:
    """The version; None if it is not installed."""
    binary = find("etcd")
    return version_of([binary, "--version"], word="etcd Version:") if binary else None


def start(core: int, folder: Path) -> Running:
    """Start one member with its data in `folder`."""
    port, peer_port = free_port(), free_port()
    clients, peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    command = [
        *(find("etcd") or "etcd", "--name", "bench", "--data-dir", str(folder / "data")),
        *("--listen-client-urls", clients, "--advertise-client-urls", clients),
        *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers),
        *("--initial-cluster", f"bench={peers}", "--logger", "zap", "--log-level", "error"),
    ]
    return Running(command, core=core, folder=folder, port=port)


class Etcd:
    """A client with only what is measured."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}/v3"

    async def lease(self, ttl_s: int) -> str:
        return str((await self._call("lease/grant", {"TTL": ttl_s}))["ID"])

    async def put(self, key: str, value: str, lease: str) -> None:
        await self._call("kv/put", {"key": _coded(key), "value": _coded(value), "lease": lease})

    async def delete(self, key: str) -> None:
        await self._call("kv/deleterange", {"key": _coded(key)})

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[AsyncIterator[str]]:
        """The keys that change from the start of the block."""
        end = PREFIX[:-1] + chr(ord(PREFIX[-1]) + 1)
        asked = {"create_request": {"key": _coded(PREFIX), "range_end": _coded(end)}}
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.post(
            f"{self._url}/watch", data=orjson.dumps(asked), timeout=timeout
        ) as stream:
            await stream.content.readline()  # "created"
            yield _keys(stream.content)

    async def _call(self, what: str, body: dict[str, object]) -> dict[str, str]:
        data = orjson.dumps(body)
        async with self._session.post(f"{self._url}/{what}", data=data) as answer:
            answer.raise_for_status()
            said: dict[str, str] = orjson.loads(await answer.read())
            return said


async def _keys(lines: aiohttp.StreamReader) -> AsyncIterator[str]:
    while line := await lines.readline():
        for event in orjson.loads(line)["result"].get("events", ()):
            yield base64.b64decode(event["kv"]["key"]).decode()


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
