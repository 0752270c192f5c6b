"""The synchronous registry: for scripts, threads and any framework."""

import os
import threading
import time
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from redis.exceptions import RedisError

from ..base.forking import tell_of_forks
from ..model.answers import Drained, Snapshot
from ..model.errors import RegistryUnavailable, ServiceNotFound
from ..model.ids import instance_key, new_instance_id
from ..model.instance import is_service_name, parse_registration
from ..model.naming import names_meant
from ..model.settings import RegistrySettings
from ..store import scripts
from ..store.clients import unavailable
from ..store.keys import registry_keys
from ..store.left_out import LeftOut
from ..store.process_client import ProcessClient
from ..store.scripts import Command
from .describing import (
    Description,
    describe_instance,
    describe_snapshot,
    meant_by,
    pick,
    usable,
)
from .last_answers import LastAnswers

T = TypeVar("T")


class ServiceRegistry:
    """Finds and registers services; thread-safe, and it connects when it is first used.

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
        self._settings = settings
        self._keys = registry_keys(settings.namespace)
        self._answers = LastAnswers(settings.instance_ttl_s)
        self._left_out = LeftOut()
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
        if not is_service_name(name):
            return None
        snapshot = self._lookup(name)
        return pick(usable(meant_by(name, snapshot)), self._own.rng)

    def discover_service(self, name: str) -> str:
        """The URL of a healthy instance, `http://host:port`; ServiceNotFound when there is none.

        Names mean what they mean to `get_service`.
        """
        found = self.get_service(name)
        if found is None:
            raise ServiceNotFound(f"no healthy instance of {name} is registered")
        return str(found["url"])

    def list_services(self) -> list[Description]:
        """All registered services with their instances: `[{"name", "instances": […], …}, …]`."""
        return describe_snapshot(self._lookup(""))

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

        It lapses `ttl_s` seconds (`INSTANCE_TTL`) after the last heartbeat, and heartbeats are the
        caller's. `health_check_url` is a URL on the same host or a path; None: a TCP connect is the
        probe. Raises InvalidRegistration or RegistryUnavailable.

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
        instance = parse_registration(
            name,
            new_instance_id(name) if instance_id is None else instance_id,
            {
                "host": host,
                "port": port,
                "health_check_url": health_check_url,
                "metadata": metadata,
                "weight": weight,
                "version": version,
                "ttl": ttl_s,
            },
            default_ttl_s=self._settings.instance_ttl_s,
        )
        done = self._call(scripts.register(instance))
        return describe_instance(instance, "starting", done.registered_at_ms, done.registered_at_ms)

    def heartbeat(self, name: str, instance_id: str) -> bool:
        """Renew an instance's lease; False: it is not registered (any more), register again."""
        return self._call(scripts.renew([instance_key(name, instance_id)]))[0]

    def drain(self, name: str, instance_id: str, wait_s: float = 0.0) -> bool:
        """Let an instance get no new requests; False when it is not registered.

        With `wait_s`, wait so long for every worker of every gateway to be through with it.

        >>> registry = get_service_registry()
        >>> orders = registry.register_service("orders_service", "localhost", 9000)
        >>> registry.drain("orders_service", orders["id"])
        True
        >>> print(registry.get_service("orders_service"))
        None
        """
        known = self._call(scripts.drain(instance_key(name, instance_id))).known
        if known and wait_s > 0:
            self.drained(name, instance_id, wait_s)
        return known

    def drained(self, name: str, instance_id: str, wait_s: float = 0.0) -> Drained:
        """How far a drain has come; with `wait_s`, as soon as it is complete or can't be any more.

        >>> registry = get_service_registry()
        >>> orders = registry.register_service("orders_service", "localhost", 9000)
        >>> registry.drain("orders_service", orders["id"])
        True
        >>> registry.drained("orders_service", orders["id"], wait_s=5).complete  # no gateway runs
        True
        """
        command = scripts.drained(instance_key(name, instance_id))
        ends_s = time.monotonic() + wait_s
        for pause_s in scripts.pauses_s():
            drained = self._call(command)
            left_s = ends_s - time.monotonic()
            if drained.complete or not drained.draining or left_s <= 0:
                break
            time.sleep(min(pause_s, left_s))
        return drained

    def deregister_service(self, name: str, instance_id: str) -> bool:
        """Take an instance out; False when it is not registered."""
        return self._call(scripts.deregister(instance_key(name, instance_id))).known

    def close(self) -> None:
        """Close the connections; the object can be used again."""
        self._own.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _lookup(self, name: str) -> Snapshot:
        try:
            snapshot = self._call(scripts.snapshot(*names_meant(name), left_out=self._left_out))
        except RegistryUnavailable:
            remembered = self._answers.recall(name, time.monotonic())
            if remembered is None:
                raise
            return remembered
        return self._answers.remember(name, snapshot, time.monotonic())

    def _call(self, command: Command[T]) -> T:
        script = self._own.scripts[command.script]
        try:
            return command.decode(script(keys=self._keys, args=command.args))
        except (RedisError, OSError) as error:
            raise unavailable(self._settings.redis_url, error) from error


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

    Nothing is connected yet. Raises SettingsError when the environment names something bad.

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
