"""What `make up` runs: names, ports and commands, computed from offset and scale without I/O."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

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
#: The services that each one calls to answer requests.
DEPENDENCIES = {
    "market_analyzer_service": ("market_data_service",),
    "price_service": ("market_data_service",),
    "signal_service": ("price_service", "market_analyzer_service", "notification_service"),
}
#: A path that each service answers 200, if those services are there.
EXAMPLE_PATHS = {
    "market_data_service": "/symbols",
    "market_analyzer_service": "/analysis/BTCUSDT",
    "price_service": "/prices",
    "signal_service": "/signals",
    "notification_service": "/notifications",
}
#: A path that it answers alone.
LONE_PATH = "/status"
# Extra instances take the first free ports from here on, beyond every port with a name.
EXTRA_PORTS_FROM = 8100
HIGHEST_PORT = 65535
STAND_IN = "-stand-in"
#: Options of Python. -P: a `redis.py` in the working folder is the user's and must not be run.
MODULE = ("-P", "-m")
#: The address that reaches a listener on all addresses.
REACHABLE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
#: Picks the settings that a process of a service reads from an environment.
SettingsFor = Callable[[str, Mapping[str, str]], dict[str, str]]


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process of the stack; `environment` has all settings that it is started with.

    `code` changes with the code that it runs; it is empty for programs that are not ours.
    """

    name: str
    service: str
    port: int
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    code: str = ""


def parse_offset(text: str) -> int:
    highest = HIGHEST_PORT - max(GATEWAY_PORT, *SERVICE_PORTS.values(), REGISTRY_PORT)
    try:
        offset = int(text)
    except ValueError:
        offset = -1
    if not 0 <= offset <= highest:
        raise UsageError(f"PORT_OFFSET={text!r}: allowed is a whole number from 0 to {highest}")
    return offset


def gateway_port(offset: int, environ: Mapping[str, str]) -> int:
    """The contract's port or GATEWAY_PORT, plus the offset."""
    text = environ.get("GATEWAY_PORT") or str(GATEWAY_PORT)
    port = int(text) + offset if text.isascii() and text.isdigit() else 0
    if not 1 <= port <= HIGHEST_PORT:
        highest = HIGHEST_PORT - offset
        raise UsageError(f"GATEWAY_PORT={text!r}: allowed is a whole number from 1 to {highest}")
    return port


def plan_processes(
    running: Iterable[ProcessSpec],
    environ: Mapping[str, str],
    *,
    python: str,
    offset: int,
    counts: Mapping[str, int],
    settings_for: SettingsFor,
    code_of: Callable[[str], str],
    is_free: Callable[[int], bool],
) -> list[ProcessSpec]:
    """Services and gateway, in the order of their names; those that run keep their ports."""
    ports = {spec.name: spec.port for spec in running}
    own_port = gateway_port(offset, environ)
    taken = {*ports.values(), own_port, *(port + offset for port in SERVICE_PORTS.values())}
    planned = []
    for service, count in counts.items():
        for number in range(1, count + 1):
            name = service if number == 1 else f"{service}-{number}"
            port = SERVICE_PORTS[service] + offset if number == 1 else ports.get(name)
            if port is None:
                port = _extra_port(offset, taken, is_free)
                taken.add(port)
            planned.append(
                ProcessSpec(
                    name=name,
                    service=service,
                    port=port,
                    command=(python, *MODULE, "lockgate.services", service),
                    environment={**settings_for(service, environ), "SERVICE_PORT": str(port)},
                    host=environ.get("SERVICE_HOST") or "127.0.0.1",
                    code=code_of(service),
                )
            )
    gateway = ProcessSpec(
        name=GATEWAY,
        service=GATEWAY,
        port=own_port,
        command=(python, *MODULE, "lockgate.gateway"),
        environment={**settings_for(GATEWAY, environ), "GATEWAY_PORT": str(own_port)},
        host=environ.get("GATEWAY_HOST") or "127.0.0.1",
        code=code_of(GATEWAY),
    )
    return [*sorted(planned, key=lambda spec: spec.name), gateway]


def stand_in_for(
    spec: ProcessSpec, taken: Iterable[int], *, offset: int, is_free: Callable[[int], bool]
) -> ProcessSpec:
    """An extra instance of the same service, while this one restarts."""
    port = _extra_port(offset, set(taken), is_free)
    environment = {**spec.environment, "SERVICE_PORT": str(port)}
    return replace(spec, name=spec.service + STAND_IN, port=port, environment=environment)


def _extra_port(offset: int, taken: set[int], is_free: Callable[[int], bool]) -> int:
    for port in range(EXTRA_PORTS_FROM + offset, HIGHEST_PORT + 1):
        if port not in taken and is_free(port):
            return port
    raise UsageError(f"no free port from {EXTRA_PORTS_FROM + offset} on; lower PORT_OFFSET")
