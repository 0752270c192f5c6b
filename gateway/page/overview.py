"""What the page shows of the services: a pure function of the view and of this gateway's verdicts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from discovery.base.steps import Steps, slices
from discovery.client.describing import rfc3339
from discovery.model.health_check import HealthCheck
from discovery.model.instance import Instance
from discovery.view.view import View
from gateway.explaining.deciding import Explanation, Sight
from middlewares.routing.deciding import Table

#: How many services the page shows; the rest is counted, and is in `/services`.
MOST_SERVICES = 100
MOST_INSTANCES_OF_A_SERVICE = 50
MOST_INSTANCES = 500

_USUAL_CHECK = HealthCheck("http")


@dataclass(frozen=True, slots=True)
class ShownInstance:
    """`seen` is the last evidence, for those who may read it; empty where it says nothing new."""

    id: str
    url: str
    version: str
    weight: int
    registered_at: str
    state: str
    seen: str


@dataclass(frozen=True, slots=True)
class ShownService:
    """`why` is empty if all is well, `helps` if not all who see the page may read it.

    `route` is empty if another service has it, `health_path` if a request there may fail.
    """

    name: str
    route: str
    health_path: str
    healthy: int
    total: int
    why: str
    instances: Sequence[ShownInstance]
    helps: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """The shown services, unwell ones first, and the numbers of all services."""

    services: Sequence[ShownService]
    total_services: int
    total_instances: int
    healthy_instances: int


@dataclass(slots=True)
class _Sighted:
    """What was found of a service: instances that may get requests, and registered ones."""

    name: str
    explanation: Explanation = field(default_factory=Explanation)
    #: Instances to show, with their states; up to twice as many as are shown, before they are cut.
    first: list[tuple[str, Sight]] = field(default_factory=list)
    registered: int = 0
    healthy: int = 0
    ill: int = 0
    #: The paths that the healthy instances' probes ask for.
    paths: set[str] = field(default_factory=set)

    @property
    def is_well(self) -> bool:
        return self.healthy > 0 and not self.ill

    def add(self, sight: Sight) -> None:
        self.explanation.add(sight)
        if sight.entry.absent is not None:
            return
        state = sight.state
        self.registered += 1
        self.first.append((state, sight))
        if len(self.first) == 2 * MOST_INSTANCES_OF_A_SERVICE:
            self.cut(MOST_INSTANCES_OF_A_SERVICE)
        if state == "healthy":
            self.healthy += 1
            self.paths.add(_path_asked(sight.entry.instance))
        elif state in ("starting", "suspected", "unhealthy"):
            self.ill += 1

    def cut(self, most: int) -> None:
        """Keep those that are shown first: unwell ones, then by id."""
        self.first.sort(key=lambda one: (one[0] == "healthy", one[1].entry.instance.id))
        del self.first[most:]


def overview(
    view: View, table: Table, sights_of: Callable[[str], Iterable[Sight]], *, inside: bool
) -> Steps[Overview]:
    """The overview; `inside` adds what only requests from this machine or with the token may read."""
    by_name = {name: _Sighted(name) for name in sorted(view.services)}
    every = ((by_name[name], sight) for name in by_name for sight in sights_of(name))
    for some in slices(every):
        for one, sight in some:
            one.add(sight)
        yield
    sighted = [one for one in by_name.values() if one.registered]
    sighted.sort(key=lambda one: one.is_well)
    services: list[ShownService] = []
    rows_left = MOST_INSTANCES
    for one in sighted[:MOST_SERVICES]:
        most = min(rows_left, MOST_INSTANCES_OF_A_SERVICE)
        services.append(_shown(one, table.route_to(one.name, view) or "", most=most, inside=inside))
        rows_left -= len(services[-1].instances)
        yield
    return Overview(
        services,
        total_services=len(sighted),
        total_instances=sum(one.registered for one in sighted),
        healthy_instances=sum(one.healthy for one in sighted),
    )


def routes(view: View, table: Table) -> Steps[list[dict[str, str]]]:
    """Every route, with the service that it leads to."""
    found = []
    for names in slices(sorted(view.services)):
        found += [
            {"route": route, "service": name}
            for name in names
            if view.is_registered(name) and (route := table.route_to(name, view)) is not None
        ]
        yield
    return found


def _shown(one: _Sighted, route: str, *, most: int, inside: bool) -> ShownService:
    one.cut(most)
    # A path that every healthy instance has just answered 200 to 299, if all have the same.
    path = next(iter(one.paths)) if route and len(one.paths) == 1 else ""
    return ShownService(
        name=one.name,
        route=route,
        health_path=path,
        healthy=one.healthy,
        total=one.registered,
        why="" if one.is_well else one.explanation.words(with_addresses=inside),
        # With a single instance, the reason says it already.
        instances=[
            _instance(state, sight, with_seen=inside and one.registered > 1)
            for state, sight in one.first
        ],
        helps="" if one.is_well or not inside else one.explanation.what_helps(),
    )


def _instance(state: str, sight: Sight, *, with_seen: bool) -> ShownInstance:
    instance = sight.entry.instance
    return ShownInstance(
        id=instance.id,
        url=instance.url,
        version=instance.version or "",
        weight=instance.weight,
        registered_at=rfc3339(sight.entry.registered_at_ms),
        state=state,
        seen=sight.health.latest if with_seen and sight.health.condition != "healthy" else "",
    )


def _path_asked(instance: Instance) -> str:
    """The path of its probe if requests reach it too; without the query, which may be secret."""
    url, own = instance.health_check_url, instance.url
    if url is None or not url.startswith(own + "/") or "?" in url:
        return ""
    check = instance.health_check
    usual = check.kind == _USUAL_CHECK.kind and check.statuses == _USUAL_CHECK.statuses
    return url[len(own) :] if usual else ""
