"""Describes each registry command once (script, arguments, decoder), for both kinds of client."""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..base.steps import at_once
from ..model.answers import (
    REMEMBERED_S,
    Changed,
    Drained,
    Registered,
    Reported,
    Snapshot,
    Standing,
    Swept,
)
from ..model.errors import InvalidRegistration
from ..model.instance import Instance, encode
from .decoding import decoding_snapshot, line, text, time_ms
from .left_out import LeftOut

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Command(Generic[T]):
    """A call of one script; `decode` turns the server's reply into the answer."""

    script: str
    args: tuple[str | int, ...]
    decode: Callable[[Any], T]


def _scripts() -> dict[str, str]:
    folder = Path(__file__).with_name("lua")
    return {
        one.name.removesuffix(".lua"): one.read_text("utf-8")
        for one in folder.iterdir()
        if one.name.endswith(".lua")
    }


#: The scripts' texts by name, read at import: later a process may have no descriptor left, or find
#: the files of another release.
_TEXTS = _scripts()


def script_source(name: str) -> str:
    """The text of a script, after the part that all scripts share."""
    return f"{_TEXTS['common']}\n{_TEXTS[name]}"


class Scripts(dict[str, Any]):
    """A client's scripts by name, each made when it is first called."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client

    def __missing__(self, name: str) -> Any:
        script = self[name] = self._client.register_script(script_source(name))
        return script


def register(instance: Instance) -> Command[Registered]:
    ttl_ms = round(instance.ttl_s * 1000)
    return Command(
        "register",
        (_new_epoch(), instance.key, ttl_ms, encode(instance)),
        lambda reply: Registered(
            bool(reply[0]), text(reply[1]), reply[2], int(reply[3]), int(reply[4])
        ),
    )


def renew(keys: Sequence[str]) -> Command[list[bool]]:
    """Send heartbeats for the instances with these keys; the answers are in the same order."""
    return Command("renew", (_new_epoch(), *keys), lambda reply: [bool(item) for item in reply])


def heartbeat(key: str) -> Command[str]:
    """Send one heartbeat; the answer is the state, as in Standing, or empty if it is not registered."""
    return Command("renew", (_new_epoch(), key), lambda reply: text(reply[0]))


def standing(key: str) -> Command[Standing]:
    """What the registry says of an instance."""
    return Command(
        "standing",
        (_new_epoch(), key),
        lambda reply: Standing(text(reply[0]), line(reply[1]), reply[2], line(reply[3])),
    )


def drain(key: str) -> Command[Changed]:
    return Command("drain", (_new_epoch(), key), _changed)


def acknowledge(
    worker: str, lease_s: float, said: Sequence[tuple[str, int, int]]
) -> Command[list[bool]]:
    """Report a worker's requests at draining instances: (key, registered at in ms, requests) of each.

    An answer is False where that registration does not drain any more.
    """
    args = [part for one in said for part in one]
    return Command(
        "acknowledge",
        (_new_epoch(), worker, round(lease_s * 1000), *args),
        lambda reply: [bool(item) for item in reply],
    )


def drained(key: str) -> Command[Drained]:
    """How far the drain of an instance has come."""
    return Command(
        "drained", (_new_epoch(), key), lambda reply: Drained(bool(reply[0]), *reply[1:])
    )


def pauses_s() -> Iterator[float]:
    """The pauses between two looks at a drain: most drains are over in milliseconds."""
    pause_s = 0.005
    while True:
        yield pause_s
        pause_s = min(0.1, pause_s * 1.5)


def deregister(key: str) -> Command[Changed]:
    return Command("deregister", (_new_epoch(), key), _changed)


def report(
    gateway: str, lease_s: float, verdicts: Sequence[tuple[str, str, str]]
) -> Command[Reported]:
    """Report a gateway's verdicts: (instance key, status, evidence) of each."""
    said = [part for verdict in verdicts for part in verdict]
    return Command(
        "report",
        (_new_epoch(), gateway, round(lease_s * 1000), *said),
        lambda reply: Reported(reply[0], bool(reply[1])),
    )


def sweep(
    gateway: str,
    lease_s: float,
    remove_after_s: float,
    *,
    worker: str = "",
    worker_lease_s: float = 0.0,
    url: str = "",
) -> Command[Swept]:
    """Sweep, and renew the leases of a gateway and a worker; 0 s ends the worker's lease.

    `url` is where clients reach the gateway.
    """
    return Command(
        "sweep",
        (
            _new_epoch(),
            gateway,
            round(lease_s * 1000),
            round(remove_after_s * 1000),
            round(REMEMBERED_S * 1000),
            worker,
            round(worker_lease_s * 1000),
            url,
        ),
        lambda reply: Swept(
            text(reply[0]),
            reply[1],
            reply[2],
            bool(reply[3]),
            reply[4],
            tuple(map(text, reply[5])),
        ),
    )


def snapshot(
    *services: str, left_out: LeftOut | None = None, known_to: str = ""
) -> Command[Snapshot]:
    """Read everything, or these services; `left_out` warns of records that are not valid.

    `known_to` is the id of the last stream entry that the caller has followed.
    """
    said = left_out or LeftOut()
    return Command(
        "snapshot",
        (_new_epoch(), known_to, *services),
        lambda reply: at_once(decoding_snapshot(reply, said)),
    )


def leases(instances: Sequence[Instance]) -> Command[dict[str, int]]:
    """When these instances last sent a heartbeat, Unix ms by key; only those that are registered."""

    def heartbeats_ms(reply: Any) -> dict[str, int]:
        heartbeats: dict[str, int] = {}
        for instance, lapses_at_ms in zip(instances, reply, strict=True):
            with contextlib.suppress(InvalidRegistration):  # not registered, or not a time
                lapses = time_ms(lapses_at_ms)
                heartbeats[instance.key] = lapses - round(instance.ttl_s * 1000)
        return heartbeats

    return Command("leases", (_new_epoch(), *(one.key for one in instances)), heartbeats_ms)


def _new_epoch() -> str:
    return secrets.token_hex(8)


def _changed(reply: Any) -> Changed:
    return Changed(bool(reply[0]), text(reply[1]), reply[2])
