"""The configured routes of the measurements, and the requests that go to all of them at random."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.workloads import UNIQUE, Workload

HOSTS = 50


@dataclass(frozen=True, slots=True)
class Route:
    """One of a host's routes: half have a template, `PREFIX/{id}/unique`, half take all below their prefix."""

    name: str
    host: str
    prefix: str
    has_template: bool

    @property
    def template(self) -> str:
        return f"{self.prefix}/{{id}}/unique"


def routes(number: int) -> Sequence[Route]:
    """This many routes, spread evenly over the hosts."""
    return [
        Route(
            f"r{place}",
            f"h{place % HOSTS}.example.com",
            f"/v1/things{place}",
            has_template=place // HOSTS % 2 == 0,
        )
        for place in range(number)
    ]


def requests_over(number: int) -> Workload:
    """GETs as UNIQUE's that go to one of `routes(number)`, each to another one."""
    return Workload(
        f"routes-{number}",
        f"GETs over {number:,} route{'s' if number > 1 else ''}",
        f"/v1/things{{route of {number}}}/{{id}}{UNIQUE.target}",
        host=f"h{{host of {HOSTS}}}.example.com",
    )
