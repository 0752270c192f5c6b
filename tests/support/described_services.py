"""An upstream that has an OpenAPI document, and gateways that hold requests against it."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.upstreams import Received, ScriptedUpstream

ORDER = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer"}, "password": {"type": "string", "minLength": 12}},
    "additionalProperties": False,
}
PATHS = {
    "/orders": {
        "post": {
            "requestBody": {"content": {"application/json": {"schema": ORDER}}},
            "responses": {"200": {"content": {"application/json": {"schema": ORDER}}}},
        }
    },
    "/orders/{id}": {
        "get": {
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
                {"name": "X-Plan", "in": "header", "schema": {"enum": ["gold"]}},
            ],
            "responses": {"200": {"content": {"application/json": {"schema": ORDER}}}},
        }
    },
}
DOCUMENT = {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": PATHS}


@dataclass
class Described:
    """An upstream: it answers its document at /openapi.json, and anything else with `answer`."""

    document: bytes = field(default_factory=lambda: json.dumps(DOCUMENT).encode())
    answer: bytes = b'{"id": 1}'
    fields: tuple[bytes, ...] = (b"Content-Type: application/json",)
    etag: bytes = b""
    status: bytes = b"200 OK"
    #: The targets of requests apart from those for the document, with their bodies.
    asked: list[tuple[bytes, bytes]] = field(default_factory=list)
    #: The heads of the requests for the document.
    fetched: list[Received] = field(default_factory=list)

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        target = received.target
        if target == b"/openapi.json":
            self.fetched.append(received)
            lines = [b"ETag: " + self.etag] if self.etag else []
            wanted = received.values(b"if-none-match")
            if wanted and wanted == [self.etag]:
                await _send(writer, b"304 Not Modified", lines, b"")
            else:
                await _send(writer, self.status, lines, self.document)
            return
        self.asked.append((target, received.body))
        await _send(writer, b"200 OK", list(self.fields), self.answer)


async def _send(
    writer: asyncio.StreamWriter, status: bytes, fields: list[bytes], body: bytes
) -> None:
    lines = [*fields, b"Content-Length: %d" % len(body), b"", b""]
    writer.write(b"HTTP/1.1 " + b"\r\n".join([status, *lines]) + body)
    await writer.drain()


async def register(
    gateway: RunningGateway,
    upstream: ScriptedUpstream,
    instance_id: str = "i1",
    *,
    url: str = "/openapi.json",
    **more: Any,
) -> None:
    """Register an upstream as an instance of order_service that names its document."""
    await gateway.register(
        "order_service",
        upstream.port,
        instance_id,
        health_check_url="/health",
        metadata={"openapi_url": url},
        **more,
    )


async def documents(gateway: RunningGateway) -> list[dict[str, Any]]:
    """What /status says of documents."""
    found: list[dict[str, Any]] = (
        (await gateway.admin("GET", "/status")).json().get("documents", [])
    )
    return found


async def read(gateway: RunningGateway, number: int = 1) -> None:
    """Wait until so many documents are in use."""
    kept = validating(gateway).shelf.kept
    await eventually(lambda: sum(bool(one.compiled) for one in kept.values()) == number)


def validating(gateway: RunningGateway) -> Any:
    found = gateway.gateway.validating
    assert found is not None
    return found


def outcomes(gateway: RunningGateway) -> dict[str, int]:
    """How many requests had each outcome."""
    counts = validating(gateway).counts.requests
    return {outcome: number for (_, outcome), number in counts.items()}


def answer_outcomes(gateway: RunningGateway) -> dict[str, int]:
    counts = validating(gateway).counts.answers
    return {outcome: number for (_, outcome), number in counts.items()}
