"""What finding a route costs: the default table beside tables of 1, 100 and 5,000 configured routes.

It is measured in this process, without a server: the time of a call, over requests that differ. In each
round every table has its turn. The routes are those of `route_set.py`, and the requests of a table go to
all of them.
"""

import gc
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from statistics import median

from bench.report import Bar, with_range
from bench.route_set import Route, routes
from bench.stage import Stage
from middlewares.header_section import HeaderSection
from middlewares.routing.deciding import Table
from middlewares.routing.matching.match import Exact, Match
from middlewares.routing.matching.matcher import Hit, Matcher
from middlewares.routing.policy import RoutePolicy

#: Different requests of a table, and those that are timed together: so few that a round is often over
#: before the machine does something else.
REQUESTS = 1000
TOGETHER = 100

ABOVE = Bar("one of 5,000 configured routes of 50 hosts, above the default table", 3, " µs")

FIELDS = (
    *((b"User-Agent", b"Mozilla/5.0"), (b"Accept", b"application/json"), (b"X-Plan", b"gold")),
    *((b"Accept-Encoding", b"gzip"), (b"Cookie", b"a=1; b=2"), (b"traceparent", b"00-1-2-01")),
)
QUERY = "page=3&preview=1&sort=name"

#: Finds the routes of the next requests.
Run = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Contender:
    """A table, what it took to make it, and a call that asks it for as many routes as are timed together."""

    name: str
    made_in_ms: float
    run: Run


class AllThere:
    """A catalogue in which every service is registered."""

    def is_in_force(self, service: str) -> bool:
        return service.endswith("_service")

    def is_known(self, service: str) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Asked:
    path: str
    section: HeaderSection


def run(stage: Stage) -> None:
    rounds = 200 if stage.quick else 5000
    stage.report.title(
        f"Finding a route, {rounds:,} rounds of {TOGETHER} requests (µs per request)"
    )
    contenders = [
        _default(),
        *(_configured(number) for number in (1, 100, 5000)),
        _configured(5000, methods=frozenset(["GET", "HEAD"])),
        _configured(5000, headers={"x-plan": Exact("gold")}),
        _configured(5000, query={"preview": Exact("1")}),
        _elsewhere(5000),
    ]
    times = _measure(contenders, rounds)
    base = times[contenders[0].name]
    rows = []
    for contender in contenders:
        found = times[contender.name]
        above = [one - other for one, other in zip(found, base, strict=True)]
        rows.append(
            (
                contender.name,
                f"{min(found):.2f}",
                with_range(found),
                f"{min(found) - min(base):.2f}",
                f"{median(above):.2f}",
                f"{contender.made_in_ms:.1f}",
            )
        )
    head = (
        "table",
        "least",
        "median (range)",
        "above: of the minima",
        "median",
        "made in (ms of CPU)",
    )
    stage.report.table(head, rows)
    stage.report.bar(ABOVE, min(times["5,000 routes"]) - min(base))


def _measure(contenders: Sequence[Contender], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for contender in contenders:
            began_s = time.perf_counter()
            contender.run()
            times[contender.name].append((time.perf_counter() - began_s) / TOGETHER * 1e6)
    gc.unfreeze()
    return times


def _default() -> Contender:
    """The table without a configuration file: a service by its name below /api."""
    table, catalogue, section = Table(RoutePolicy()), AllThere(), HeaderSection(FIELDS)
    asked = cycle([Asked(f"/api/things{n % 100}/{n}/parts", section) for n in range(REQUESTS)])

    def run() -> None:
        for request in islice(asked, TOGETHER):
            table.find(request, lambda: catalogue, "GET")

    return Contender("default", 0.0, run)


def _configured(number: int, **conditions: object) -> Contender:
    table = routes(number)
    matcher, made_in_ms = _made([_match(route, **conditions) for route in table])
    requests = [
        (route.host.encode(), f"{route.prefix}/{4711 + place}/unique")
        for place, route in enumerate(random.Random(1).choices(table, k=REQUESTS))
    ]
    section = HeaderSection(FIELDS)
    for host, path in requests:
        assert isinstance(matcher.find(host, path, "GET", section, QUERY), Hit)
    asked = cycle(requests)

    def run() -> None:
        for host, path in islice(asked, TOGETHER):
            matcher.find(host, path, "GET", section, QUERY)

    name = f"{number:,} route{'s' if number > 1 else ''}"
    return Contender(
        f"{name} with {', '.join(conditions)}" if conditions else name, made_in_ms, run
    )


def _elsewhere(number: int) -> Contender:
    """Requests that none of the routes takes, as those to discovered services below /api are."""
    matcher, made_in_ms = _made([_match(route) for route in routes(number)])
    asked = cycle([f"/api/things{place}/{place}/parts" for place in range(REQUESTS)])
    section = HeaderSection(FIELDS)

    def run() -> None:
        for path in islice(asked, TOGETHER):
            matcher.find(b"h1.example.com", path, "GET", section, QUERY)

    return Contender(f"{number:,} routes, none of them asked for", made_in_ms, run)


def _match(route: Route, **conditions: object) -> Match:
    if route.has_template:
        return Match(host=route.host, path=route.template, **conditions)  # type: ignore[arg-type]
    return Match(host=route.host, prefix=route.prefix, **conditions)  # type: ignore[arg-type]


def _made(matches: Sequence[Match]) -> tuple[Matcher[int], float]:
    began_s = time.thread_time()
    matcher = Matcher([(match, place) for place, match in enumerate(matches)])
    return matcher, (time.thread_time() - began_s) * 1000
