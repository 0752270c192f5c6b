"""The registry's own commands as bytes, made once, so that sending them costs nearly nothing."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import hiredis

from bench.carries.server import Server
from discovery.model.instance import Instance, parse_registration
from discovery.store import scripts
from discovery.store.keys import registry_keys, tag
from discovery.store.link import Script
from middlewares.limits import limiter
from middlewares.limits.deciding import Policy, ask_for
from middlewares.limits.deciding.crossing import call_of

NAMESPACE = "carries"
CLIENTS = 10_000
#: So short that entries come and go in a measurement, as they do in service.
WINDOW_US = 1_000_000
#: So high that nobody is refused, and still counted to the millisecond.
POLICIES = (Policy("default", 500, WINDOW_US), Policy("second", 400, WINDOW_US))
FRAMES_OF_A_KIND = 16
INSTANCES_OF_A_SERVICE = 10
#: So long that no lease lapses in a measurement.
LEASE_S = 3600.0


def packed(*command: str | bytes | int) -> bytes:
    return bytes(hiredis.pack_command(command))  # type: ignore[arg-type]


class Frames:
    """Packs commands for one server, which has their scripts loaded."""

    def __init__(self, server: Server, namespace: str = NAMESPACE) -> None:
        self._load = server.client.script_load
        self._keys = registry_keys(namespace)
        self._prefix = tag(namespace)
        self._shas: dict[str, str] = {}
        source = limiter.__file__.replace("limiter.py", "rate_limit.lua")
        with open(source, encoding="utf-8") as file:
            self._limits = Script(file.read())
        self._load(self._limits.source)

    @property
    def events_key(self) -> str:
        return self._keys[-1]

    def of(self, command: scripts.Command[Any]) -> bytes:
        sha = self._shas.get(command.script)
        if sha is None:
            script = Script(scripts.script_source(command.script))
            self._load(script.source)
            sha = self._shas[command.script] = script.sha
        return packed("EVALSHA", sha, len(self._keys), *self._keys, *command.args)

    def limits(self, clients: Sequence[str], policies: Sequence[Policy] = POLICIES[:1]) -> bytes:
        """One call that asks once for each client."""
        call = call_of(self._prefix, [(ask_for(policies, client), 1) for client in clients])
        return packed("EVALSHA", self._limits.sha, len(call.keys), *call.keys, *call.args)

    def last_event(self, server: Server) -> str:
        """The id of the last entry of the stream."""
        entries: Any = server.client.xrevrange(self.events_key, count=1)
        return str(entries[0][0].decode())

    def read(self, after: str, block_ms: int = 0) -> bytes:
        """What a follower of the stream asks; it waits without an end, or so long."""
        return packed("XREAD", "COUNT", 100, "BLOCK", block_ms, "STREAMS", self.events_key, after)

    def same(self) -> bytes:
        """What a follower asks once a second: are these still the data that it follows?"""
        return packed("HMGET", self._keys[0], "epoch", "rev")

    def limits_of(
        self, asks: int, policies: Sequence[Policy] = POLICIES[:1]
    ) -> Callable[[], bytes]:
        """Calls of so many asks, whose clients come round."""
        names = itertools.cycle(range(CLIENTS))
        kinds = max(FRAMES_OF_A_KIND, min(1000, CLIENTS // asks))
        return _in_turn(
            [
                self.limits([f"client-{next(names)}" for _ in range(asks)], policies)
                for _ in range(kinds)
            ]
        )

    def heartbeats_of(self, at_once: int, instances: Sequence[Instance]) -> Callable[[], bytes]:
        keys = itertools.cycle([one.key for one in instances])
        kinds = max(FRAMES_OF_A_KIND, min(1000, len(instances) // at_once))
        return _in_turn(
            [self.of(scripts.renew([next(keys) for _ in range(at_once)])) for _ in range(kinds)]
        )


def _in_turn(frames: Sequence[bytes]) -> Callable[[], bytes]:
    return itertools.cycle(frames).__next__


def instance(number: int, of_a_service: int = INSTANCES_OF_A_SERVICE) -> Instance:
    """An instance as a service in Python registers it, one of so many of its service."""
    name = f"crowd{number // of_a_service}_service"
    body = {
        "host": "127.0.0.1",
        "port": 20_000 + number % 10_000,
        "metadata": {"health.probe": "heartbeat"},
    }
    return parse_registration(name, f"crowd-{number}", body, default_ttl_s=LEASE_S)
