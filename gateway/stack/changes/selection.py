"""Which example services a stack has, with how many instances: as asked, or as it runs."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from discovery.model.naming import names_meant
from gateway.stack.failures import UsageError
from gateway.stack.plan import DEPENDENCIES, SERVICE_PORTS, STAND_IN, ProcessSpec

MOST_INSTANCES = 32


@dataclass(frozen=True, slots=True)
class Selection:
    """What SCALE and SERVICES say; `services` is None if they name none."""

    scale: Mapping[str, int] = field(default_factory=dict)
    services: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.services is None:
            return
        for service in self.scale:
            if service not in self.services:
                raise UsageError(f"SCALE names {service}, which SERVICES leaves out")

    def counts(self, running: Iterable[ProcessSpec] | None) -> dict[str, int]:
        """Instances of each service; what is not named stays as it runs (None: nothing runs)."""
        present = None if running is None else _count(running)
        chosen = self.services
        if chosen is None:
            chosen = frozenset(SERVICE_PORTS if present is None else present) | set(self.scale)
        kept: Mapping[str, int] = present or {}
        return {
            service: self.scale.get(service, kept.get(service, 1))
            for service in SERVICE_PORTS
            if service in chosen
        }

    def over(self, running: Iterable[ProcessSpec]) -> "Selection":
        """The selection for a start after everything that runs now has stopped."""
        counts = self.counts(running)
        return Selection(counts, frozenset(counts))


def parse_selection(scale: str, services: str) -> Selection:
    """Parse SCALE and SERVICES; UsageError says what is wrong with them."""
    return Selection(parse_scale(scale), parse_services(services))


def chosen_processes(running: Iterable[ProcessSpec], names: Iterable[str]) -> frozenset[str]:
    """The processes that `names` mean; a service means all of its instances."""
    running = list(running)
    chosen: set[str] = set()
    for name in names:
        meant = _meant(name, running)
        if not meant:
            known = ", ".join(sorted(spec.name for spec in running))
            raise UsageError(f"no process or service {name!r} in this stack; there are {known}")
        chosen |= meant
    return frozenset(chosen)


def _meant(word: str, running: Iterable[ProcessSpec]) -> set[str]:
    """The processes of that name or service, or of the service that the name means in a route."""
    for name in (word, *names_meant(word)):
        if meant := {spec.name for spec in running if name in (spec.name, spec.service)}:
            return meant
    return set()


def parse_scale(text: str) -> dict[str, int]:
    """Instances per service from `price_service=3 market_data_service=2` (commas work too)."""
    scale: dict[str, int] = {}
    for item in _items(text):
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


def parse_services(text: str) -> frozenset[str] | None:
    """Names, with or without `_service`; `none`, `all`; None if empty."""
    items = _items(text)
    if not items:
        return None
    if items in (["none"], ["all"]):
        return frozenset(SERVICE_PORTS if items == ["all"] else ())
    return frozenset(_service(item, text) for item in items)


def missing_dependencies(services: Iterable[str]) -> dict[str, list[str]]:
    """For each service, the services that it calls and that the stack lacks."""
    present = set(services)
    missing = {
        service: [one for one in DEPENDENCIES.get(service, ()) if one not in present]
        for service in sorted(present)
    }
    return {service: names for service, names in missing.items() if names}


def _service(name: str, text: str) -> str:
    for service in (name, f"{name}_service"):
        if service in SERVICE_PORTS:
            return service
    known = ", ".join(SERVICE_PORTS)
    raise UsageError(f"SERVICES={text!r}: no service {name!r}; there are {known}, or none")


def _items(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _count(running: Iterable[ProcessSpec]) -> Counter[str]:
    """Instances per service, without stand-ins that a killed command left behind."""
    return Counter(
        spec.service
        for spec in running
        if spec.service in SERVICE_PORTS and not spec.name.endswith(STAND_IN)
    )
