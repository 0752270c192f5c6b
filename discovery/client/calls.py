"""Each call of the registry, written once: a generator yields requests and is sent the replies."""

import random
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from redis.exceptions import RedisError

from ..model.answers import Drained, Record, Snapshot
from ..model.errors import RegistryRefuses, RegistryUnavailable, ServiceNotFound
from ..model.ids import instance_key, new_instance_id
from ..model.instance import is_service_name, parse_registration
from ..model.naming import names_meant
from ..model.settings import RegistrySettings
from ..store import scripts
from ..store.clients import unavailable
from ..store.left_out import LeftOut
from ..store.scripts import Command
from .choosing import drawn, found
from .describing import Description, describe_instance, describe_record, describe_snapshot
from .last_answers import LastAnswers

T = TypeVar("T")

#: A driver throws one of these into a call where the server gives no reply.
FAILURES = (RedisError, OSError)
#: A drain is looked at many times: one look without an answer in time does not end the wait, so long a silence does.
SILENT_FOR_S = 2.0


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait this long before the next step."""

    seconds: float


#: The driver sends a command's reply into the call, or throws the failure.
Step = Command[Any] | Pause
#: Driven by `_run` of the synchronous and of the asynchronous registry.
Call = Generator[Step, Any, T]


class Calls:
    """The calls to one registry, and its last answers."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._answers = LastAnswers(settings.instance_ttl_s)
        self._left_out = LeftOut()
        self._rng = random.SystemRandom()  # has no state that forked children would share

    def ask(self, command: Command[T]) -> Call[T]:
        """Run one script; raises RegistryUnavailable when the registry does not answer."""
        try:
            reply = yield command
        except FAILURES as error:
            raise unavailable(self._settings.redis_url, error) from error
        return command.decode(reply)

    def get(self, name: str) -> Call[Description | None]:
        for record in (yield from self._found(name))[:1]:
            return describe_record(record)
        return None

    def instances(self, name: str) -> Call[list[Description]]:
        return [describe_record(record) for record in (yield from self._found(name))]

    def discover(self, name: str) -> Call[str]:
        instance = yield from self.get(name)
        if instance is None:
            raise ServiceNotFound(f"no healthy instance of {name} is registered")
        return str(instance["url"])

    def list_all(self) -> Call[list[Description]]:
        return describe_snapshot((yield from self._look_up("")))

    def register(self, name: str, instance_id: str | None, **fields: Any) -> Call[Description]:
        """`fields` are the members of a registration in JSON."""
        if instance_id is None:
            instance_id = new_instance_id(name)
        default_ttl_s = self._settings.instance_ttl_s
        instance = parse_registration(name, instance_id, fields, default_ttl_s=default_ttl_s)
        done = yield from self.ask(scripts.register(instance))
        return describe_instance(instance, "starting", done.registered_at_ms, done.registered_at_ms)

    def heartbeat(self, name: str, instance_id: str) -> Call[bool]:
        return (yield from self.ask(scripts.renew([instance_key(name, instance_id)])))[0]

    def drain(self, name: str, instance_id: str, wait_s: float) -> Call[bool]:
        drain = yield from self.ask(scripts.drain(instance_key(name, instance_id)))
        if drain.known and wait_s > 0:
            yield from self.drained(name, instance_id, wait_s)
        return drain.known

    def drained(self, name: str, instance_id: str, wait_s: float) -> Call[Drained]:
        command = scripts.drained(instance_key(name, instance_id))
        heard_s = time.monotonic()
        ends_s = heard_s + wait_s
        for pause_s in scripts.pauses_s():
            try:
                drained = yield from self.ask(command)
            except RegistryRefuses:
                raise
            except RegistryUnavailable:
                now_s = time.monotonic()
                if now_s >= min(ends_s, heard_s + SILENT_FOR_S):
                    raise
            else:
                now_s = heard_s = time.monotonic()
                if drained.complete or not drained.draining or now_s >= ends_s:
                    break
            yield Pause(min(pause_s, ends_s - now_s))
        return drained

    def deregister(self, name: str, instance_id: str) -> Call[bool]:
        return (yield from self.ask(scripts.deregister(instance_key(name, instance_id)))).known

    def _found(self, name: str) -> Call[list[Record]]:
        """The records that may get a request, in an order drawn by weight."""
        if not is_service_name(name):
            return []
        return drawn(found(name, (yield from self._look_up(name))), self._rng)

    def _look_up(self, name: str) -> Call[Snapshot]:
        """The registry's answer for a service, or for all (empty name); its last answer while it is away."""
        command = scripts.snapshot(*names_meant(name), left_out=self._left_out)
        try:
            snapshot = yield from self.ask(command)
        except RegistryUnavailable:
            remembered = self._answers.recall(name, time.monotonic())
            if remembered is None:
                raise
            return remembered
        return self._answers.remember(name, snapshot, time.monotonic())
