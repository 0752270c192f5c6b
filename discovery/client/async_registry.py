"""The asynchronous registry: the calls of the synchronous one, and `watch()`."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from ..base.tasks import end
from ..model.answers import Drained
from ..model.instance import check_name
from ..model.settings import RegistrySettings
from ..store.keys import registry_keys
from ..store.loop_clients import LoopClients
from ..store.scripts import Command
from ..view.view import Event, View
from ..view.watcher import Watcher
from .calls import FAILURES, Call, Calls, Pause, Step
from .describing import Description

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """A change: `kind` is an event of the registry, or `snapshot` after everything was read anew."""

    kind: str
    service: str
    instance_id: str | None
    instances: tuple[str, ...]


class AsyncServiceRegistry:
    """The calls of ServiceRegistry, `async`; each event loop has connections that are its own.

    `url` None reads `REDIS_URL`.

    >>> async def main() -> None:
    ...     async with AsyncServiceRegistry() as registry:
    ...         orders = await registry.register_service("orders_service", "localhost", 9000)
    ...         print(await registry.discover_service("orders_service"))
    ...         print(await registry.deregister_service("orders_service", orders["id"]))
    ...         print(await registry.get_service("orders_service"))
    >>> asyncio.run(main())
    http://localhost:9000
    True
    None
    """

    def __init__(self, url: str | None = None, *, settings: RegistrySettings | None = None) -> None:
        if settings is None:
            settings = RegistrySettings.from_env(
                os.environ if url is None else {**os.environ, "REDIS_URL": url}
            )
        self.settings = settings
        self._clients = LoopClients(settings.redis_url)
        self._keys = registry_keys(settings.namespace)
        self._calls = Calls(settings)

    async def get_service(self, name: str) -> Description | None:
        """A healthy instance, at random by weight, or None.

        A name means what `/api/<name>` means: `<name>_service`, or `<name>` where only that is
        registered.
        """
        return await self._run(self._calls.get(name))

    async def instances(self, name: str) -> list[Description]:
        """All healthy instances, in an order drawn at random by weight.

        The first is chosen as `get_service` chooses; where it does not answer, try the next. Names
        mean what they mean to `get_service`.

        >>> async def main() -> None:
        ...     async with AsyncServiceRegistry() as registry:
        ...         for port in (9000, 9001):
        ...             await registry.register_service("orders_service", "localhost", port)
        ...         found = await registry.instances("orders")
        ...         print(sorted(orders["port"] for orders in found))
        >>> asyncio.run(main())
        [9000, 9001]
        """
        return await self._run(self._calls.instances(name))

    async def discover_service(self, name: str) -> str:
        """The URL of a healthy instance; ServiceNotFound when there is none.

        Names mean what they mean to `get_service`.
        """
        return await self._run(self._calls.discover(name))

    async def list_services(self) -> list[Description]:
        """All registered services with their instances."""
        return await self._run(self._calls.list_all())

    async def register_service(
        self,
        name: str,
        host: str,
        port: int,
        *,
        instance_id: str | None = None,
        health_check_url: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        weight: int = 1,
        version: str | None = None,
        ttl_s: float | None = None,
    ) -> Description:
        """Register an instance, or replace the one of the same id, and return it."""
        return await self._run(
            self._calls.register(
                name,
                instance_id,
                host=host,
                port=port,
                health_check_url=health_check_url,
                metadata=metadata,
                weight=weight,
                version=version,
                ttl=ttl_s,
            )
        )

    async def heartbeat(self, name: str, instance_id: str) -> bool:
        """Renew an instance's lease; False: it is not registered, register it again."""
        return await self._run(self._calls.heartbeat(name, instance_id))

    async def drain(self, name: str, instance_id: str, wait_s: float = 0.0) -> bool:
        """Stop new requests to an instance; False when it is not registered.

        With `wait_s`, wait up to that long until every worker of every gateway is through with it.
        """
        return await self._run(self._calls.drain(name, instance_id, wait_s))

    async def drained(self, name: str, instance_id: str, wait_s: float = 0.0) -> Drained:
        """How far a drain has come; with `wait_s`, wait until it is complete or can't be."""
        return await self._run(self._calls.drained(name, instance_id, wait_s))

    async def deregister_service(self, name: str, instance_id: str) -> bool:
        """Deregister an instance; False when it is not registered."""
        return await self._run(self._calls.deregister(name, instance_id))

    async def watch(self, name: str | None = None) -> AsyncIterator[Change]:
        """Each change of one service (by its whole name) or of all, until the caller breaks off.

        The first is a snapshot of what is registered already, if anything is.

        >>> from contextlib import aclosing
        >>> async def main() -> None:
        ...     async with AsyncServiceRegistry() as registry:
        ...         await registry.register_service(
        ...             "orders_service", "localhost", 9000, instance_id="orders-1"
        ...         )
        ...         async with aclosing(registry.watch("orders_service")) as changes:
        ...             async for change in changes:
        ...                 print(change.kind, change.instances)
        ...                 if not change.instances:
        ...                     break
        ...                 await registry.deregister_service("orders_service", "orders-1")
        >>> asyncio.run(main())
        snapshot ('orders-1',)
        deregistered ()
        """
        if name is not None:
            check_name(name)
        changes: asyncio.Queue[Change] = asyncio.Queue()
        watcher = Watcher(self.settings)
        watcher.listen(lambda before, after, event: _note(changes, name, before, after, event))
        task = asyncio.create_task(watcher.run(), name="lockgate-watch")
        try:
            while True:
                yield await changes.get()
        finally:
            await end(task)

    async def call(self, command: Command[T]) -> T:
        """Run one of `discovery.store.scripts`; RegistryUnavailable when the registry does not answer."""
        return await self._run(self._calls.ask(command))

    async def close(self) -> None:
        """Close the connections of the running event loop; the object can be used again."""
        await self._clients.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, call: Call[T]) -> T:
        """Take each step of a call, and return what the call returns."""
        try:
            step = next(call)
            while True:
                try:
                    reply = await self._take(step)
                except FAILURES as failure:
                    step = call.throw(failure)
                else:
                    step = call.send(reply)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    async def _take(self, step: Step) -> Any:
        if isinstance(step, Pause):
            return await asyncio.sleep(step.seconds)
        script = (await self._clients.scripts())[step.script]
        return await script(keys=self._keys, args=step.args)


def _note(
    changes: asyncio.Queue[Change],
    wanted: str | None,
    before: View,
    after: View,
    event: Event | None,
) -> None:
    """Queue what a change of the view means for a subscriber."""
    names = {event.service} if event is not None else {*before.services, *after.services}
    for service in sorted(names):
        if wanted not in (None, service):
            continue
        instances = tuple(entry.instance.id for entry in after.registered(service))
        if event is None and before.services.get(service) == after.services.get(service):
            continue
        instance_id = event.key.partition("/")[2] if event else None
        changes.put_nowait(
            Change(event.kind if event else "snapshot", service, instance_id, instances)
        )
