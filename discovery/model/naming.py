"""Which service a short name means: `price` in requests to `/api/price` and in the Python API."""

from typing import Protocol

from .instance import is_service_name

SUFFIX = "_service"
#: The path prefix of the gateway's routes by name.
PREFIX = "/api"


class Catalogue(Protocol):
    """What the rule must know of the services."""

    def is_in_force(self, service: str) -> bool:
        """Whether instances are registered, or were lost only with the registry's data."""
        ...

    def is_known(self, service: str) -> bool: ...


def route_of(service: str, prefix: str = PREFIX) -> str:
    """The gateway's path for a service: `/api/price` for `price_service` and for `price`."""
    return f"{prefix}/{service.removesuffix(SUFFIX) or service}"


def names_meant(name: str) -> tuple[str, ...]:
    """The services that a name may mean, the first choice first; empty for an invalid name."""
    return (f"{name}{SUFFIX}", name) if is_service_name(name) else ()


def service_of(name: str, catalogue: Catalogue) -> str | None:
    """`<name>_service`, or `<name>` where only that is registered; else the one that was.

    A service that the registry has lost keeps the name until it is back: requests must not go to the
    other one.
    """
    names = names_meant(name)
    for is_there in (catalogue.is_in_force, catalogue.is_known):
        for service in names:
            if is_there(service):
                return service
    return None
