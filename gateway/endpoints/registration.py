"""The HTTP registration API, for services in any language; every call needs the admin token."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from discovery.client.async_registry import AsyncServiceRegistry
from discovery.client.describing import describe_instance
from discovery.model.addresses import AddressPolicy
from discovery.model.answers import Changed
from discovery.model.errors import (
    InvalidRegistration,
    RegistryRefuses,
    RegistryUnavailable,
)
from discovery.model.instance import (
    MAX_BODY_BYTES,
    Instance,
    check_id,
    check_name,
    parse_registration,
)
from discovery.store import scripts
from gateway.endpoints.bodies import json_body
from gateway.endpoints.process import answer
from gateway.front.client_limits import ClientLimits
from gateway.guard.admin import AdminGuard
from middlewares.clients.deciding import parse_address
from middlewares.failures import BadRequest, InstanceUnknown, RegistryAway

T = TypeVar("T")

#: The most heartbeats in a call: those of a large host; they take the registry a ms or two.
MOST_HEARTBEATS = 1000
#: The size of that many names and ids of the greatest length.
MAX_HEARTBEATS_BYTES = 256 * 1024
MOST_WAIT_S = 60
AWAY = "the registry does not answer; try again later"
REFUSES = "the registry answers, and refuses to be changed; try again later"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationEndpoints:
    """The handlers; they answer a change when the views of this gateway's workers have it (`reached`)."""

    registry: AsyncServiceRegistry
    reached: Callable[[str, int], Awaitable[bool]]
    status_of: Callable[[str], str]
    policy: Callable[[], AddressPolicy]
    guard: AdminGuard
    client_limits: ClientLimits

    async def register(self, request: web.Request) -> web.Response:
        """Register: 201, or 200 where it replaces an instance of the same id."""
        self.guard.require(request)
        name, instance_id = _named(request)
        body = await json_body(request, self.client_limits, MAX_BODY_BYTES)
        try:
            instance = parse_registration(
                name, instance_id, body, default_ttl_s=self.registry.settings.instance_ttl_s
            )
        except InvalidRegistration as error:
            raise BadRequest(str(error)) from None
        self._refuse_forbidden(instance)
        done = await self._call(scripts.register(instance))
        await self.reached(done.epoch, done.revision)
        described = describe_instance(
            instance,
            self.status_of(instance.key),
            done.registered_at_ms,
            done.registered_at_ms,
        )
        return answer(described, status=201 if done.created else 200)

    async def heartbeat(self, request: web.Request) -> web.Response:
        """Renew a lease: 204; InstanceUnknown tells the service to register again."""
        self.guard.require(request)
        name, instance_id = _named(request)
        (known,) = await self._call(scripts.renew([f"{name}/{instance_id}"]))
        return _done(known, name, instance_id)

    async def heartbeats(self, request: web.Request) -> web.Response:
        """Renew many leases: 200 with the known instances, and those that must register again."""
        self.guard.require(request)
        wanted = _instances(await json_body(request, self.client_limits, MAX_HEARTBEATS_BYTES))
        renewed = await self._call(scripts.renew([f"{name}/{id_}" for name, id_ in wanted]))
        known: dict[bool, list[dict[str, str]]] = {True: [], False: []}
        for (name, instance_id), is_known in zip(wanted, renewed, strict=True):
            known[is_known].append({"name": name, "id": instance_id})
        return answer({"known": known[True], "unknown": known[False]})

    async def drain(self, request: web.Request) -> web.Response:
        """Drain: 204 at once; this worker sends no new requests there from now on.

        With `?wait=`, 200 as soon as every living worker of every gateway has acknowledged that it is
        through with the instance, or at the end of the wait.
        """
        self.guard.require(request)
        wait_s = _wait_of(request)
        answered = await self._change(request, scripts.drain)
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
        """Deregister: 204, or InstanceUnknown."""
        return await self._change(request, scripts.deregister)

    async def _change(
        self, request: web.Request, command: Callable[[str], scripts.Command[Changed]]
    ) -> web.Response:
        self.guard.require(request)
        name, instance_id = _named(request)
        changed = await self._call(command(f"{name}/{instance_id}"))
        await self.reached(changed.epoch, changed.revision)
        return _done(changed.known, name, instance_id)

    async def _call(self, command: scripts.Command[T]) -> T:
        try:
            return await self.registry.call(command)
        except RegistryRefuses:
            raise RegistryAway(REFUSES) from None
        except RegistryUnavailable:
            raise RegistryAway(AWAY) from None

    def _refuse_forbidden(self, instance: Instance) -> None:
        """Refuse an address that is never connected to now, while the caller can still correct it.

        The addresses of a name may change, so they are checked when it is connected to.
        """
        host, policy = instance.host, self.policy()
        address = parse_address(host)
        if address is None:
            reason = None if policy.allowed.may_allow(host) else "not in REGISTRY_ALLOWED_HOSTS"
        else:
            reason = policy.why_forbidden(
                host, address, instance.port, is_local=address.is_loopback
            )
        if reason is not None:
            raise BadRequest(f"host {host!r}: this address is never connected to ({reason})")


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


def _instances(body: Any) -> list[tuple[str, str]]:
    """The names and ids of `{"instances": [{"name", "id"}, …]}`."""
    if not isinstance(body, dict) or set(body) != {"instances"}:
        raise BadRequest("the body must be a JSON object with the key 'instances' alone")
    instances = body["instances"]
    if not isinstance(instances, list) or len(instances) > MOST_HEARTBEATS:
        raise BadRequest(f"instances: must be a list of at most {MOST_HEARTBEATS}")
    return [_pair(index, one) for index, one in enumerate(instances)]


def _pair(index: int, one: Any) -> tuple[str, str]:
    if not isinstance(one, dict) or set(one) != {"name", "id"}:
        raise BadRequest(f"instances[{index}]: must be an object with the keys 'name' and 'id'")
    try:
        check_name(one["name"])
        check_id(one["id"])
    except InvalidRegistration as error:
        raise BadRequest(f"instances[{index}]: {error}") from None
    return one["name"], one["id"]
