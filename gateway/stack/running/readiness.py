"""Asks over HTTP, as a client, whether processes and routes answer."""

import http.client
import json
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

from discovery.model.naming import route_of
from gateway.stack.plan import GATEWAY, REACHABLE, REGISTRY, ProcessSpec
from gateway.stack.registry.ping import answers_ping, default_url
from gateway.stack.running.addresses import UNIX, admin_url, public_url
from gateway.stack.running.speaking import looking, scheme_of
from gateway.stack.unix_connection import UnixConnection

# Longer than the gateway holds a request for a new instance's first verdict.
TIMEOUT_S = 2.0

# With a configuration file a route by name may ask who calls, stand elsewhere or not be there at all.
# These answers alone then say that the gateway does not route yet.
_NOT_YET = frozenset({"no_view", "no_healthy_instance", "registry_unavailable", "shutting_down"})
_NOT_REACHED = frozenset({"upstream_unreachable", "upstream_reset", "upstream_invalid"})


def health_of(process: ProcessSpec) -> str:
    if process.service == REGISTRY:
        return "healthy" if answers_ping(default_url(process.port)) else "unreachable"
    answer = _get(process, "/health")
    if answer is None:
        return "unreachable"
    return "healthy" if answer[0] == 200 else "unhealthy"


def missing_routes(gateway: ProcessSpec, services: Iterable[ProcessSpec]) -> dict[str, str]:
    """What still blocks each service's route, by service; empty when all answer."""
    wanted = Counter(process.service for process in services)
    healthy = _healthy_instances(gateway)
    missing = {}
    for service, count in wanted.items():
        if healthy is not None and healthy.get(service, 0) < count:
            missing[service] = f"{healthy.get(service, 0)} of {count} instances healthy"
            continue
        answer = _get(gateway, f"{route_of(service)}/health", as_other_client=True)
        if answer is None or not _routes(answer, has_file="GATEWAY_CONFIG" in gateway.environment):
            said = "no answer" if answer is None else f"status {answer[0]}"
            missing[service] = f"{route_of(service)}/health: {said}"
    return missing


def _routes(answer: tuple[int, bytes], *, has_file: bool) -> bool:
    """Whether an answer for a route by name comes from a gateway that routes."""
    # 429 is the gateway's own limit, so the route exists.
    if answer[0] in {200, 429}:
        return True
    return has_file and _reason(answer[1]) not in _NOT_YET | _NOT_REACHED


def _reason(body: bytes) -> str:
    """The reason of a problem document; empty: it is none."""
    try:
        return str(json.loads(body)["reason"])
    except (ValueError, KeyError, TypeError):
        return ""


def _healthy_instances(gateway: ProcessSpec) -> dict[str, int] | None:
    """Healthy instances by service; None where the gateway does not show them."""
    answer = _answer(_to_its_inside(gateway), "/services")
    if answer is None or answer[0] != 200:
        return None
    try:
        listed = json.loads(answer[1])["services"]
        return {service["name"]: service["healthy"] for service in listed}
    except (ValueError, KeyError, TypeError):
        return None


def _to_its_inside(gateway: ProcessSpec) -> http.client.HTTPConnection:
    """A connection to where the gateway answers `/services`: the public port, or ADMIN_LISTEN."""
    url = admin_url(gateway.environment) or public_url(gateway)
    if url.startswith(UNIX):
        return UnixConnection(url.removeprefix(UNIX), timeout_s=TIMEOUT_S)
    address = urlsplit(url)
    return _connection(address.scheme, address.hostname or "", address.port)


def _connection(
    scheme: str, host: str, port: int | None, source: tuple[str, int] | None = None
) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(
            host, port, timeout=TIMEOUT_S, source_address=source, context=looking()
        )
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S, source_address=source)


def _get(
    process: ProcessSpec, path: str, *, as_other_client: bool = False
) -> tuple[int, bytes] | None:
    host = REACHABLE.get(process.host, process.host)
    scheme = scheme_of(process.environment) if process.service == GATEWAY else "http"
    # From 127.0.0.2 where the system has it (Linux), so that these requests don't count against the
    # rate limit of the user's own 127.0.0.1.
    sources = [("127.0.0.2", 0)] if as_other_client and host == "127.0.0.1" else []
    for source in [*sources, None]:
        # http.client and not urllib, which would send loopback requests through http_proxy.
        connection = _connection(scheme, host, process.port, source)
        if (answer := _answer(connection, path)) is not None:
            return answer
    return None


def _answer(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes] | None:
    try:
        connection.request("GET", path, headers={"User-Agent": "lockgate"})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
