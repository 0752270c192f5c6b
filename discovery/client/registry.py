"""The synchronous registry: for scripts, threads and any framework."""

import os
import threading
import time
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from ..base.forking import tell_of_forks
from ..model.answers import Drained
from ..model.settings import RegistrySettings
from ..store.keys import registry_keys
from ..store.process_client import ProcessClient
from .calls import FAILURES, Call, Calls, Pause, Step
from .describing import Description

T = TypeVar("T")


class ServiceRegistry:
    """Finds and registers services; it is thread-safe and connects when it is first used.

    While the registry is unreachable, lookups give the last known answer up to `INSTANCE_TTL` old,
    then raise RegistryUnavailable; changes raise it at once. Both errors are DiscoveryError.

    >>> registry = get_service_registry()
    >>> orders = registry.register_service("orders_service", "localhost", 9000, version="1.4.2")
    >>> registry.discover_service("orders_service")
    'http://localhost:9000'
    >>> registry.heartbeat("orders_service", orders["id"])
    True
    >>> [(service["name"], service["total"]) for service in registry.list_services()]
    [('orders_service', 1)]
    >>> registry.deregister_service("orders_service", orders["id"])
    True
    >>> registry.discover_service("orders_service")
    Traceback (most recent call last):
    discovery.model.errors.ServiceNotFound: no healthy instance of orders_service is registered
    """

    def __init__(self, settings: RegistrySettings) -> None:
        self._calls = Calls(settings)
        self._keys = registry_keys(settings.namespace)
        self._own = ProcessClient(settings.redis_url)

    def get_service(self, name: str) -> Description | None:
        """A healthy instance, at random by weight, or None: `{"name", "host", "port", "url", …}`.

        A name means what `/api/<name>` means: `<name>_service`, or `<name>` where only that is
        registered.

        >>> registry = get_service_registry()
        >>> registry.register_service("orders_service", "localhost", 9000)["status"]
        'starting'
        >>> found = registry.get_service("orders_service")
        >>> found["host"], found["port"]
        ('localhost', 9000)
        >>> registry.get_service("orders")["name"]
        'orders_service'
        >>> print(registry.get_service("invoices_service"))
        None
        """
        return self._run(self._calls.get(name))

    def instances(self, name: str) -> list[Description]:
        """All healthy instances, in an order drawn at random by weight.

        The first is chosen as `get_service` chooses; where it does not answer, try the next. Names
        mean what they mean to `get_service`.

        >>> registry = get_service_registry()
        >>> for port in (9000, 9001):
        ...     orders = registry.register_service("orders_service", "localhost", port)
        >>> sorted(orders["port"] for orders in registry.instances("orders"))
        [9000, 9001]
        >>> registry.instances("invoices")
        []
        """
        return self._run(self._calls.instances(name))

    def discover_service(self, name: str) -> str:
        """The URL of a healthy instance, `http://host:port`; ServiceNotFound when there is none.

        Names mean what they mean to `get_service`.
        """
        return self._run(self._calls.discover(name))

    def list_services(self) -> list[Description]:
        """All registered services with their instances: `[{"name", "instances": […], …}, …]`."""
        return self._run(self._calls.list_all())

    def register_service(
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
        """Register an instance, or replace the one of the same id, and return it.

        It lapses `ttl_s` seconds (`INSTANCE_TTL`) after the last heartbeat; the caller sends the
        heartbeats. `health_check_url` is a URL on the same host or a path; with None the probe is a
        TCP connect. Raises InvalidRegistration or RegistryUnavailable.

        >>> orders = get_service_registry().register_service(
        ...     "orders_service", "10.0.0.7", 9000, instance_id="orders-7",
        ...     health_check_url="/health", metadata={"zone": "a"}, weight=2, ttl_s=30,
        ... )
        >>> orders["id"], orders["health_check_url"]
        ('orders-7', 'http://10.0.0.7:9000/health')
        >>> get_service_registry().register_service("Orders", "10.0.0.7", 9000)
        Traceback (most recent call last):
        discovery.model.errors.InvalidRegistration: service name 'Orders': must be a lower-case letter ...
        """
        return self._run(
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

    def heartbeat(self, name: str, instance_id: str) -> bool:
        """Renew an instance's lease; False: it is not registered, register it again."""
        return self._run(self._calls.heartbeat(name, instance_id))

    def drain(self, name: str, instance_id: str, wait_s: float = 0.0) -> bool:
        """Stop new requests to an instance; False when it is not registered.

        With `wait_s`, wait up to that long until every worker of every gateway is through with it.

        >>> registry = get_service_registry()
        >>> orders = registry.register_service("orders_service", "localhost", 9000)
        >>> registry.drain("orders_service", orders["id"])
        True
        >>> print(registry.get_service("orders_service"))
        None
        """
        return self._run(self._calls.drain(name, instance_id, wait_s))

    def drained(self, name: str, instance_id: str, wait_s: float = 0.0) -> Drained:
        """How far a drain has come; with `wait_s`, wait until it is complete or can't be.

        >>> registry = get_service_registry()
        >>> orders = registry.register_service("orders_service", "localhost", 9000)
        >>> registry.drain("orders_service", orders["id"])
        True
        >>> registry.drained("orders_service", orders["id"], wait_s=5).complete  # no gateway runs
        True
        """
        return self._run(self._calls.drained(name, instance_id, wait_s))

    def deregister_service(self, name: str, instance_id: str) -> bool:
        """Deregister an instance; False when it is not registered."""
        return self._run(self._calls.deregister(name, instance_id))

    def close(self) -> None:
        """Close the connections; the object can be used again."""
        self._own.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, call: Call[T]) -> T:
        """Take each step of a call, and return what the call returns."""
        try:
            step = next(call)
            while True:
                try:
                    reply = self._take(step)
                except FAILURES as failure:
                    step = call.throw(failure)
                else:
                    step = call.send(reply)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    def _take(self, step: Step) -> Any:
        if isinstance(step, Pause):
            return time.sleep(step.seconds)
        return self._own.scripts[step.script](keys=self._keys, args=step.args)


class _Registries:
    """One registry for the same settings."""

    def __init__(self) -> None:
        self._made: dict[RegistrySettings, ServiceRegistry] = {}
        self.forked()
        tell_of_forks(self)

    def get(self, settings: RegistrySettings) -> ServiceRegistry:
        with self._lock:
            if settings not in self._made:
                self._made[settings] = ServiceRegistry(settings)
            return self._made[settings]

    def forked(self) -> None:
        self._lock = threading.Lock()


_registries = _Registries()


def get_service_registry(url: str | None = None) -> ServiceRegistry:
    """The registry at this URL (`REDIS_URL` when None): one object for each URL and process.

    It connects when it is first used. Raises SettingsError when a setting is not valid.

    >>> registry = get_service_registry()
    >>> registry is get_service_registry()
    True
    >>> get_service_registry("localhost:6379")
    Traceback (most recent call last):
    discovery.model.errors.SettingsError: REDIS_URL='localhost:6379': must be redis://host:port/db, ...
    """
    settings = RegistrySettings.from_env(
        os.environ if url is None else {**os.environ, "REDIS_URL": url}
    )
    return _registries.get(settings)
