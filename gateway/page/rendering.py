"""An overview as HTML: one file without scripts, its links relative to the page."""

from dataclasses import dataclass
from urllib.parse import quote

from discovery.base.steps import Steps
from gateway.page.overview import Overview, ShownInstance, ShownService
from gateway.page.template import PARTS, Markup, joined

#: Other characters that a path may have as they are (RFC 3986 §3.3); escaped ones stay escaped.
_OF_PATHS = "/%:@!$&'()*+,;=~"
_NOTHING = Markup("")

_CLASSES = {"healthy": "good", "starting": "warn", "suspected": "warn", "unhealthy": "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the page says beside the services.

    `made_at` is UTC, RFC 3339. `stale_for_s` is how long the registry has been away, None while it
    answers. `links_routes`: the routes are answered at the page's address.
    """

    version: str
    made_at: str
    stale_for_s: float | None
    links_routes: bool


def rendering(shown: Overview | None, facts: Facts) -> Steps[str]:
    """The page; None: nothing is known of the services yet."""
    main = [PARTS["no_view"].fill()] if shown is None else [_notice(facts)]
    if shown is not None:
        for service in shown.services:
            main.append(_service(service, facts))
            yield
        main.append(_after(shown))
    return PARTS["page"].fill(
        summary="no view yet" if shown is None else _summary(shown),
        main=joined(main),
        version=facts.version,
        made_at=facts.made_at,
        made_at_for_people=f"{_time_for_people(facts.made_at)} UTC",
    )


def _summary(shown: Overview) -> str:
    services = _counted(shown.total_services, "service")
    instances = _counted(shown.total_instances, "instance")
    return f"{services}, {instances}, {shown.healthy_instances:,} healthy"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _notice(facts: Facts) -> Markup:
    if facts.stale_for_s is None:
        return _NOTHING
    return PARTS["stale"].fill(age_s=f"{facts.stale_for_s:.0f}")


def _after(shown: Overview) -> Markup:
    """The text below the shown services."""
    if not shown.services:
        return PARTS["empty"].fill()
    more = shown.total_services - len(shown.services)
    return PARTS["more_services"].fill(more=_counted(more, "more service")) if more else _NOTHING


def _service(service: ShownService, facts: Facts) -> Markup:
    more = service.total - len(service.instances)
    more_part = PARTS["more_instances"].fill(
        more=_counted(more, "more instance" if service.instances else "instance"),
        name=service.name,
        path=_quoted(service.name),
    )
    return PARTS["service"].fill(
        name=service.name,
        path=_quoted(service.name),
        level=_level(service),
        healthy=_healthy(service),
        route=_route(service, facts),
        why=PARTS["why"].fill(why=service.why) if service.why else _NOTHING,
        helps=PARTS["helps"].fill(helps=service.helps) if service.helps else _NOTHING,
        table=_table(service) if service.instances else _NOTHING,
        more=more_part if more else _NOTHING,
    )


def _level(service: ShownService) -> str:
    """The class for a service's colours; the text beside it says the same."""
    if not service.healthy:
        return "bad"
    return "warn" if service.why else "good"


def _healthy(service: ShownService) -> str:
    return f"{service.healthy:,} of {service.total:,} healthy"


def _route(service: ShownService, facts: Facts) -> Markup:
    if not service.route:
        return PARTS["no_route"].fill(name=service.name)
    if not (service.health_path and facts.links_routes):
        return PARTS["route"].fill(route=service.route)
    target = _quoted(service.route + service.health_path, safe=_OF_PATHS)
    return PARTS["linked_route"].fill(
        route=service.route, below=service.health_path, href=target[1:], target=target
    )


def _table(service: ShownService) -> Markup:
    rows = joined(map(_row, service.instances))
    return PARTS["table"].fill(name=service.name, rows=rows)


def _row(instance: ShownInstance) -> Markup:
    return PARTS["instance"].fill(
        id=instance.id,
        url=instance.url,
        version=instance.version or "-",
        weight=PARTS["weight"].fill(weight=instance.weight) if instance.weight > 1 else _NOTHING,
        registered_at=instance.registered_at,
        registered_at_for_people=_time_for_people(instance.registered_at),
        level=_CLASSES.get(instance.state, "idle"),
        state=instance.state,
        seen=PARTS["seen"].fill(seen=instance.seen) if instance.seen else _NOTHING,
    )


def _quoted(path: str, *, safe: str = "") -> str:
    return quote(path, safe=safe, errors="replace")


def _time_for_people(rfc3339: str) -> str:
    return rfc3339.replace("T", " ").removesuffix("Z")
