"""Instances of several versions behind one gateway, each of which says who it is."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.conftest import StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.upstreams import Received, Script, ScriptedUpstream


@dataclass
class Versioned:
    """Answers with its own name; `fields` are lines of its answers. `instead` is done in place of that."""

    name: str
    fields: tuple[str, ...] = ()
    targets: list[str] = field(default_factory=list)
    instead: Script | None = None

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        self.targets.append(received.target.decode())
        if self.instead is not None:
            await self.instead(received, writer)
        else:
            self.answer(writer)

    def answer(self, writer: asyncio.StreamWriter) -> None:
        head = ("HTTP/1.1 200 OK", *self.fields, f"Content-Length: {len(self.name)}", "", "")
        writer.write(("\r\n".join(head) + self.name).encode())


@dataclass
class Versions:
    """A gateway whose `order_service` has instances of several versions, by their ids."""

    configured: Configured
    services: Mapping[str, Versioned]
    upstreams: Mapping[str, ScriptedUpstream]

    async def ask(self, path: str, *fields: str, **kwargs: str) -> "tuple[int, str]":
        """The status, and who has answered."""
        answer = await self.configured.ask(path, *fields, **kwargs)
        return answer.status, answer.body.decode() if answer.status == 200 else ""


async def start_versions(
    start_configured: StartConfigured,
    start_upstream: StartUpstream,
    file: str,
    versions: Mapping[str, str | None],
    *fields: str,
    **environment: str,
) -> Versions:
    """Start a gateway with that file, and an instance of each version."""
    configured = await start_configured(file, registers=False, **environment)
    services, upstreams = {}, {}
    for name, version in versions.items():
        services[name] = Versioned(name, fields)
        upstreams[name] = await start_upstream(services[name])
        said = {} if version is None else {"version": version}
        await configured.gateway.register(
            "order_service", upstreams[name].port, name, health_check_url="/health", **said
        )
    return Versions(configured, services, upstreams)
