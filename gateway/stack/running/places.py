"""Addresses of a stack that answer 200, for people to open."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from discovery.model.naming import route_of
from gateway.stack.plan import DEPENDENCIES, EXAMPLE_PATHS, GATEWAY, LONE_PATH, ProcessSpec
from gateway.stack.running.addresses import UNIX, admin_url
from gateway.stack.running.speaking import scheme_of

#: Listeners that this machine reaches as localhost.
_HERE = ("127.0.0.1", "::1", "0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Place:
    what: str
    where: str


def places(processes: Sequence[ProcessSpec]) -> list[Place]:
    """The gateway's page, and one address of each service behind it."""
    gateway = next((one for one in processes if one.service == GATEWAY), None)
    if gateway is None:
        return []
    base = f"{scheme_of(gateway.environment)}://{_host(gateway.host)}:{gateway.port}"
    page = _page(base, admin_url(gateway.environment))
    services = dict.fromkeys(one.service for one in processes if one.service in EXAMPLE_PATHS)
    return [
        *([Place(GATEWAY, page)] if page else []),
        *(
            Place(service, f"{base}{route_of(service)}{_path(service, processes)}")
            for service in services
        ),
    ]


def _page(base: str, admin: str) -> str:
    """The page's address; with ADMIN_LISTEN it is there, and a socket file has no address to open."""
    return "" if admin.startswith(UNIX) else admin or base


def _path(service: str, processes: Sequence[ProcessSpec]) -> str:
    """A path that answers 200; the symbols in a user's own data file are not known."""
    if not _has_whom_it_asks(service, {one.service for one in processes}):
        return LONE_PATH
    own_market = any(one.environment.get("MARKET_DATA_FILE") for one in processes)
    path = EXAMPLE_PATHS[service]
    return LONE_PATH if own_market and "BTCUSDT" in path else path


def _has_whom_it_asks(service: str, present: Collection[str]) -> bool:
    """Whether the services that it calls run, and those that they call: SERVICES may omit some."""
    return all(
        one in present and _has_whom_it_asks(one, present) for one in DEPENDENCIES.get(service, ())
    )


def _host(host: str) -> str:
    if host in _HERE:
        return "localhost"
    return f"[{host}]" if ":" in host else host
