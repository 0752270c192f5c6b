"""Services whose answers are put together: one upstream for all of them, which answers by path."""

import asyncio
import json
from dataclasses import dataclass, field

from tests.support.upstreams import Received

#: Three services at the upstream's address.
SERVICES = """
    discover: false
    services:
      user_service: {urls: ["http://127.0.0.1:PORT"]}
      order_service: {urls: ["http://localhost:PORT"]}
      price_service: {urls: ["http://127.0.0.1:PORT"]}
"""


def said(body: str | bytes, *fields: str, status: int = 200) -> bytes:
    """The bytes of an answer."""
    data = body.encode() if isinstance(body, str) else body
    lines = "".join(f"{line}\r\n" for line in fields)
    head = f"HTTP/1.1 {status} Said\r\nContent-Length: {len(data)}\r\n{lines}\r\n"
    return head.encode() + data


@dataclass
class Services:
    """What each path is answered with, its query included; a path in `gates` waits until its gate is set.

    `asked` are the targets in the order in which they came, and `left` those whose asker has gone before the
    answer.
    """

    answers: dict[str, bytes]
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    asked: list[Received] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        return [one.target.decode() for one in self.asked]

    @property
    def gated(self) -> list[str]:
        """Those of them that wait for a gate; a part whose time is over before it is connected is not asked."""
        return [target for target in self.targets if target in self.gates]

    def of(self, target: str) -> Received:
        """The request for a target; there was one."""
        (found,) = [one for one in self.asked if one.target == target.encode()]
        return found

    async def __call__(self, received: Received, writer: asyncio.StreamWriter) -> None:
        self.asked.append(received)
        target = received.target.decode()
        gate = self.gates.get(target)
        if gate is not None:
            gone = asyncio.ensure_future(received.reader.read())
            opened = asyncio.ensure_future(gate.wait())
            try:
                await asyncio.wait([gone, opened], return_when=asyncio.FIRST_COMPLETED)
            finally:
                opened.cancel()
                gone.cancel()
            if not gate.is_set():
                self.left.append(target)
                return
        writer.write(self.answers.get(target) or said(json.dumps({"no": target}), status=404))
        await writer.drain()
