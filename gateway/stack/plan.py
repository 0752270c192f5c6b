"""What `make up` runs: names, ports and commands, computed from offset and scale without I/O."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gateway.stack.failures import UsageError

GATEWAY = "api_gateway"
GATEWAY_PORT = 8080
REGISTRY = "registry"
REGISTRY_PORT = 6379
SERVICE_PORTS = {
    "market_data_service": 8000,
    "market_analyzer_service": 8001,
    "price_service": 8002,
    "signal_service": 8003,
    "notification_service": 8004,
}
# Extra instances take the first free ports from here on: clear of every port with a name.
EXTRA_PORTS_FROM = 8100
HIGHEST_PORT = 65535
#: Where who listens everywhere is reached from here.
REACHABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
MOST_INSTANCES = 32


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process of the stack; `environment` is what it gets beyond the stack's own."""

    name: str
    service: str
    port: int
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"


def parse_offset(text: str) -> int:
    highest = HIGHEST_PORT - max(GATEWAY_PORT, *SERVICE_PORTS.values(), REGISTRY_PORT)
    try:
        offset = int(text)
    except ValueError:
        offset = -1
    if not 0 <= offset <= highest:
        raise UsageError(f"PORT_OFFSET={text!r}: allowed is a whole number from 0 to {highest}")
    return offset


def parse_scale(text: str) -> dict[str, int]:
    """Instances per service from `price_service=3 market_data_service=2` (commas work too)."""
    scale: dict[str, int] = {}
    for item in text.replace(",", " ").split():
        service, _, count = item.partition("=")
        if service not in SERVICE_PORTS:
            known = ", ".join(SERVICE_PORTS)
            raise UsageError(f"SCALE={text!r}: no service {service!r}; there are {known}")
        if not (count.isascii() and count.isdigit() and 1 <= int(count) <= MOST_INSTANCES):
            raise UsageError(
                f"SCALE={text!r}: {service}={count!r} is not a number from 1 to {MOST_INSTANCES}"
            )
        scale[service] = int(count)
    return scale


def gateway_port(offset: int, environ: Mapping[str, str]) -> int:
    """Its port of the contract or of GATEWAY_PORT, with the offset added either way."""
    text = environ.get("GATEWAY_PORT") or str(GATEWAY_PORT)
    port = int(text) + offset if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= HIGHEST_PORT:
        highest = HIGHEST_PORT - offset
        raise UsageError(f"GATEWAY_PORT={text!r}: allowed is a whole number from 1 to {highest}")
    return port


def plan_processes(
    keep: Iterable[ProcessSpec],
    *,
    python: str,
    offset: int,
    scale: Mapping[str, int],
    environ: Mapping[str, str],
    is_free: Callable[[int], bool],
) -> list[ProcessSpec]:
    """Services and gateway; processes in `keep` stay as they are, whatever `scale` says."""
    kept = {spec.name: spec for spec in keep if spec.name != REGISTRY}
    planned = [
        ProcessSpec(
            name=GATEWAY,
            service=GATEWAY,
            port=gateway_port(offset, environ),
            command=(python, "-m", "gateway"),
            environment={"GATEWAY_PORT": str(gateway_port(offset, environ))},
            host=environ.get("GATEWAY_HOST") or "127.0.0.1",
        )
    ]
    taken = {spec.port for spec in kept.values()} | {planned[0].port}
    taken |= {port + offset for port in SERVICE_PORTS.values()}
    for service, port in SERVICE_PORTS.items():
        for number in range(1, scale.get(service, 1) + 1):
            name = service if number == 1 else f"{service}-{number}"
            if name in kept:
                continue
            own_port = port + offset if number == 1 else _extra_port(offset, taken, is_free)
            taken.add(own_port)
            planned.append(
                ProcessSpec(
                    name=name,
                    service=service,
                    port=own_port,
                    command=(python, "-m", "services", service),
                    environment={"SERVICE_PORT": str(own_port)},
                    host=environ.get("SERVICE_HOST") or "127.0.0.1",
                )
            )
    merged = {spec.name: spec for spec in planned} | kept
    return sorted(merged.values(), key=lambda spec: (spec.service == GATEWAY, spec.name))


def route_of(service: str) -> str:
    return "/api/" + service.removesuffix("_service")


def _extra_port(offset: int, taken: set[int], is_free: Callable[[int], bool]) -> int:
    for port in range(EXTRA_PORTS_FROM + offset, HIGHEST_PORT + 1):
        if port not in taken and is_free(port):
            return port
    raise UsageError(f"SCALE: no free port from {EXTRA_PORTS_FROM + offset} on; lower PORT_OFFSET")
