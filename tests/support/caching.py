"""Gateways that remember answers, and an upstream that numbers them."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.support.gateways import Answer, RunningGateway
from tests.support.raw_clients import RawAnswer, exchange
from tests.support.upstreams import Received

HOST = "shop.example"


@dataclass
class Numbered:
    """An upstream whose every answer has another number, and these fields."""

    fields: dict[bytes, bytes] = field(default_factory=dict)
    count: int = 0

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        body = b"%d" % self.count
        fields = {b"Cache-Control": b"max-age=600", **self.fields}
        lines = [b"%b: %b\r\n" % line for line in fields.items()]
        lines.append(b"Content-Length: %d\r\n\r\n" % len(body))
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"".join(lines))
        if received.request_line.split(b" ")[0] != b"HEAD":
            writer.write(body)
        await writer.drain()


async def ask(
    gateway: RunningGateway, path: str, *fields: str, method: str = "GET", host: str = HOST
) -> RawAnswer:
    """Ask a gateway for a path of HOST."""
    lines = "".join(f"{line}\r\n" for line in (f"Host: {host}", *fields))
    return await exchange(gateway.port, f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode())


async def bodies(gateways: list[RunningGateway], path: str) -> list[bytes]:
    return [(await ask(one, path)).body for one in gateways]


async def purge(gateway: RunningGateway, **asked: Any) -> Answer:
    return await gateway.admin("POST", "/cache/purge", json=asked)


def status_of(answer: RawAnswer) -> str:
    """The Cache-Status of an answer."""
    return answer.values(b"cache-status")[0].decode()
