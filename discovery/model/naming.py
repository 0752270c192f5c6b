"""Which service is meant by a short name: `price` by requests to `/api/price`, and by the Python API."""

from typing import Protocol

from .instance import is_service_name

SUFFIX = "_service"
#: The gateway's routes by name are below this path.
PREFIX = "/api"


class Catalogue(Protocol):
    """What has to be known of the services to tell which one is meant."""

    def is_in_force(self, service: str) -> bool:
        """Something of it is registered, or went with the registry's data alone."""
        ...

    def is_known(self, service: str) -> bool: ...


def route_of(service: str, prefix: str = PREFIX) -> str:
    """The gateway's path for a service: `/api/price` for `price_service` and for `price`."""
    return f"{prefix}/{service.removesuffix(SUFFIX) or service}"


def names_meant(name: str) -> tuple[str, ...]:
    """The services that may be meant by a name, the first choice first; none by what is no name."""
    return (f"{name}{SUFFIX}", name) if is_service_name(name) else ()


def service_of(name: str, catalogue: Catalogue) -> str | None:
    """`<name>_service`, or `<name>` where only that is registered; else the one that was.

    What the registry has lost keeps its name until it is back: requests must not go to the other.
    """
    names = names_meant(name)
    for is_there in (catalogue.is_in_force, catalogue.is_known):
        for service in names:
            if is_there(service):
                return service
    return None
