"""The proxies of docs/deployment.md in front of a gateway, with the configuration given there."""

import asyncio
import io
import os
import re
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp import test_utils, web

from gateway.machine.ports import answers
from tests.http.conftest import StartHop
from tests.support.documents import ROOT, blocks
from tests.support.eventually import eventually
from tests.support.registry_servers import free_port
from tests.support.upstreams import Received

DOCUMENT = "docs/deployment.md"
#: The programs of `make bench`, if they are installed.
BENCH = ROOT / ".venv-bench" / "bin"
HOST = "api.example.com"
TRUSTED = {
    name: value
    for name, _, value in (
        line.partition("=")
        for block in blocks(DOCUMENT, "sh")
        for line in block.commands
        if line.startswith("TRUSTED_PROXIES=")
    )
}
_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{inside}
}}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The differences between the document and this machine."""

    folder: Path
    port: int
    gateway: int

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"


def nginx(place: Place) -> list[str]:
    (block,) = blocks(DOCUMENT, "nginx")
    text = block.text.replace("127.0.0.1:8080", f"127.0.0.1:{place.gateway}")
    text = text.replace("listen 443", f"listen 127.0.0.1:{place.port}")
    text = text.replace(f"/etc/ssl/{HOST}.pem", str(place.certificate))
    text = text.replace(f"/etc/ssl/{HOST}.key", str(place.key))
    config = place.folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=place.folder, inside=text))
    return ["nginx", "-c", str(config), "-p", str(place.folder)]


def caddy(place: Place) -> list[str]:
    (block,) = blocks(DOCUMENT, "caddyfile")
    text = block.text.replace("127.0.0.1:8080", f"127.0.0.1:{place.gateway}")
    site = (
        f"https://{HOST}:{place.port} {{\n\tbind 127.0.0.1\n\ttls {place.certificate} {place.key}"
    )
    text = re.sub(rf"^{HOST} {{", site, text)
    config = place.folder / "Caddyfile"
    config.write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]


@asynccontextmanager
async def in_front(
    command_of: Callable[[Place], list[str]], folder: Path, gateway: int
) -> AsyncIterator[aiohttp.ClientSession]:
    """A client whose requests to `https://api.example.com` go through the proxy."""
    name = command_of.__name__
    binary = shutil.which(
        name, path=f"{BENCH}{os.pathsep}{os.environ['PATH']}{os.pathsep}/usr/sbin"
    )
    if binary is None:
        pytest.skip(f"{name} is not installed")
    place = Place(folder, free_port(), gateway)
    authority = trustme.CA()
    certificate = authority.issue_cert(HOST)
    certificate.private_key_pem.write_to_path(place.key)
    for part in certificate.cert_chain_pems:
        part.write_to_path(place.certificate, append=True)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    arguments = command_of(place)[1:]
    process = await asyncio.create_subprocess_exec(
        binary,
        *arguments,
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    )
    connector = aiohttp.TCPConnector(ssl=trust, resolver=_ToThisMachine())
    try:
        await eventually(lambda: process.returncode is not None or answers(place.port))
        assert process.returncode is None, "its standard error says why"
        async with aiohttp.ClientSession(
            f"https://{HOST}:{place.port}", connector=connector
        ) as client:
            yield client
    finally:
        process.terminate()
        await process.wait()


class _ToThisMachine(aiohttp.abc.AbstractResolver):
    """Resolves every name to 127.0.0.1."""

    async def resolve(self, host, port=0, family=0):  # type: ignore[no-untyped-def]
        del family
        return [
            {
                "hostname": host,
                "host": "127.0.0.1",
                "port": port,
                "family": 2,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self) -> None: ...


@pytest.fixture(params=[nginx, caddy], ids=lambda proxy: proxy.__name__)
def proxy(request: pytest.FixtureRequest) -> Callable[[Place], list[str]]:
    command_of: Callable[[Place], list[str]] = request.param
    return command_of


async def test_a_service_learns_of_the_client_and_of_https_and_no_claim_gets_through(
    start_hop: StartHop, tmp_path: Path, proxy: Callable[[Place], list[str]]
) -> None:
    gateway, upstream = await start_hop(RATE_LIMIT_REQUESTS="5", **TRUSTED)
    async with (
        in_front(proxy, tmp_path, gateway.port) as client,
        client.post(
            "/api/orders/new?a=1",
            data=io.BytesIO(b"x" * 3_000_000),
            headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "gopher"},
        ) as answer,
    ):
        assert answer.status == 200
        assert answer.headers["RateLimit"].startswith('"default";r=4;')
    (received,) = upstream.requests
    assert received.request_line == b"POST /new?a=1 HTTP/1.1"
    assert len(received.body) == 3_000_000
    assert received.values(b"x-forwarded-for") == [b"127.0.0.1, 127.0.0.1"]
    assert received.values(b"x-forwarded-proto") == [b"https"]
    (host,) = received.values(b"host")
    assert host.startswith(HOST.encode())
    assert received.values(b"x-forwarded-host") == [host]


async def test_what_is_the_gateways_own_stays_inside(
    start_hop: StartHop, tmp_path: Path, proxy: Callable[[Place], list[str]]
) -> None:
    gateway, _ = await start_hop(**TRUSTED)
    async with in_front(proxy, tmp_path, gateway.port) as client:
        for path in ("/services", "/status", "/metrics"):
            async with client.get(path) as answer:
                body = await answer.read()
            assert b"orders" not in body
            assert "X-Correlation-ID" not in answer.headers


async def test_events_arrive_before_the_stream_ends(
    start_hop: StartHop, tmp_path: Path, proxy: Callable[[Place], list[str]]
) -> None:
    seen = asyncio.Event()

    async def stream(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n")
        await writer.drain()
        await seen.wait()
        writer.write(b"data: two\n\n")

    gateway, _ = await start_hop(stream, **TRUSTED)
    async with (
        in_front(proxy, tmp_path, gateway.port) as client,
        client.get("/api/orders/events") as answer,
    ):
        assert await answer.content.readuntil(b"\n\n") == b"data: one\n\n"
        seen.set()
        assert await answer.content.read() == b"data: two\n\n"


async def test_websockets_pass(
    start_hop: StartHop, tmp_path: Path, proxy: Callable[[Place], list[str]]
) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    app = web.Application()
    app.router.add_get("/socket", echo)
    gateway, _ = await start_hop(**TRUSTED)
    async with test_utils.TestServer(app) as server:
        await gateway.register("chat_service", server.port)
        async with (
            in_front(proxy, tmp_path, gateway.port) as client,
            client.ws_connect("/api/chat/socket") as socket,
        ):
            await socket.send_str("ping")
            assert await socket.receive_str() == "PING"
