"""The HTTP registration API: for services in any language; every call needs the admin token."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from aiohttp import web

from discovery import commands
from discovery.addresses import AddressPolicy, why_never
from discovery.async_registry import AsyncServiceRegistry
from discovery.describing import describe_instance
from discovery.errors import InvalidRegistration, RegistryUnavailable
from discovery.instance import MAX_BODY_BYTES, Instance, check_id, check_name, parse_registration
from gateway.admin import AdminGuard
from gateway.endpoints.process import answer
from gateway.request_body import say_continue
from middlewares.client_address import parse_address
from middlewares.failures import BadRequest, BodyTooLarge, InstanceUnknown, RegistryAway

T = TypeVar("T")

MOST_WAIT_S = 60
AWAY = "the registry does not answer; try again later"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationEndpoints:
    """The handlers; a change is answered when this worker's own view has it (`reached`)."""

    registry: AsyncServiceRegistry
    reached: Callable[[str, int], Awaitable[bool]]
    status_of: Callable[[str], str]
    policy: Callable[[], AddressPolicy]
    guard: AdminGuard

    async def register(self, request: web.Request) -> web.Response:
        """201, or 200 where an instance of that id was replaced."""
        self.guard.require(request)
        name, instance_id = _named(request)
        body = await _json_body(request)
        try:
            instance = parse_registration(
                name, instance_id, body, default_ttl_s=self.registry.settings.instance_ttl_s
            )
        except InvalidRegistration as error:
            raise BadRequest(str(error)) from None
        self._refuse_forbidden(instance)
        done = await self._call(commands.register(instance))
        await self.reached(done.epoch, done.revision)
        described = describe_instance(
            instance,
            self.status_of(instance.key),
            done.registered_at_ms,
            done.registered_at_ms,
        )
        return answer(described, status=201 if done.created else 200)

    async def heartbeat(self, request: web.Request) -> web.Response:
        """204; InstanceUnknown tells the service to register again."""
        self.guard.require(request)
        name, instance_id = _named(request)
        (known,) = await self._call(commands.renew([f"{name}/{instance_id}"]))
        return _done(known, name, instance_id)

    async def drain(self, request: web.Request) -> web.Response:
        """204 at once: this worker sends nothing new there from here on.

        With `?wait=` 200 as soon as every live worker of every gateway has acknowledged that it is
        through with the instance, or at the end of the wait.
        """
        self.guard.require(request)
        wait_s = _wait_of(request)
        answered = await self._change(request, commands.drain)
        if wait_s is None:
            return answered
        try:
            drained = await self.registry.drained(*_named(request), wait_s)
        except RegistryUnavailable:
            raise RegistryAway(AWAY) from None
        return answer(
            {
                "complete": drained.complete,
                "workers": drained.workers,
                "missing": drained.missing,
                "in_flight": drained.in_flight,
            }
        )

    async def deregister(self, request: web.Request) -> web.Response:
        """204, or InstanceUnknown."""
        return await self._change(request, commands.deregister)

    async def _change(
        self, request: web.Request, command: Callable[[str], commands.Command[commands.Changed]]
    ) -> web.Response:
        self.guard.require(request)
        name, instance_id = _named(request)
        changed = await self._call(command(f"{name}/{instance_id}"))
        await self.reached(changed.epoch, changed.revision)
        return _done(changed.known, name, instance_id)

    async def _call(self, command: commands.Command[T]) -> T:
        try:
            return await self.registry.call(command)
        except RegistryUnavailable:
            raise RegistryAway(AWAY) from None

    def _refuse_forbidden(self, instance: Instance) -> None:
        """An address that would never be connected to is better refused while somebody listens."""
        address = parse_address(instance.host)
        if address is None:
            return
        reason = why_never(address)
        if reason is None and not self.policy().allowed.allows(instance.host, address):
            reason = "not in REGISTRY_ALLOWED_HOSTS"
        if reason is not None:
            raise BadRequest(
                f"host {instance.host!r}: this address is never connected to ({reason})"
            )


def _wait_of(request: web.Request) -> float | None:
    text = request.query.get("wait")
    if text is None:
        return None
    try:
        wait_s = float(text)
    except ValueError:
        wait_s = -1.0
    if not 0 <= wait_s <= MOST_WAIT_S:
        raise BadRequest(f"wait {text!r}: must be 0 to {MOST_WAIT_S} seconds")
    return wait_s


def _named(request: web.Request) -> tuple[str, str]:
    name, instance_id = request.match_info["name"], request.match_info["id"]
    try:
        check_name(name)
        check_id(instance_id)
    except InvalidRegistration as error:
        raise BadRequest(str(error)) from None
    return name, instance_id


def _done(known: bool, name: str, instance_id: str) -> web.Response:
    if not known:
        raise InstanceUnknown(f"no instance {instance_id} of {name} is registered")
    return web.Response(status=204)


async def _json_body(request: web.Request) -> Any:
    await say_continue(request)
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"a registration is at most {MAX_BODY_BYTES} bytes")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("the body is not valid JSON") from None
