"""What the page shows: unwell services first, with reasons, and a bounded number of everything."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from discovery.base.steps import ITEMS_OF_A_STEP, at_once
from discovery.health.machine import Health
from discovery.model.instance import parse_registration
from discovery.view.view import Entry, View
from gateway.explaining.deciding import Sight
from gateway.page import overview as page
from gateway.page.overview import Overview, overview, routes
from tests.support.asked import TABLE

HEALTHY = Health("healthy", latest="GET /h answers 200")
ILL = Health("unhealthy", latest="GET /h answers 404 (at 10.0.0.1)")


class Registry:
    """Instances with their health, and the overview of them."""

    def __init__(self) -> None:
        self.services: dict[str, dict[str, Entry]] = {}
        self.health: dict[str, Health] = {}

    def add(self, key: str, health: Health = HEALTHY, **body: Any) -> Entry:
        name, _, instance_id = key.partition("/")
        said = {"host": "10.0.0.1", "port": 8000, **body}
        entry = Entry(parse_registration(name, instance_id, said), 1_700_000_000_000)
        self.keep(entry)
        self.health[key] = health
        return entry

    def keep(self, entry: Entry) -> None:
        self.services.setdefault(entry.instance.name, {})[entry.key] = entry

    @property
    def view(self) -> View:
        return View("e", 1, self.services)

    def sights(self, name: str) -> Iterator[Sight]:
        for key, entry in self.services[name].items():
            yield Sight(entry, self.health[key], 0.0)

    def shown(self, *, inside: bool = False) -> Overview:
        return at_once(overview(self.view, TABLE, self.sights, inside=inside))


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_what_is_not_well_comes_first_with_its_reason(registry: Registry) -> None:
    registry.add("a/1")
    registry.add("b/1", ILL)
    registry.add("c/1")
    registry.add("c/2", ILL)

    shown = registry.shown()

    assert [(one.name, one.healthy, one.total) for one in shown.services] == [
        ("b", 0, 1),
        ("c", 1, 2),
        ("a", 1, 1),
    ]
    assert [one.why for one in shown.services] == [
        "1 unhealthy: GET /h answers 404",
        "1 healthy; 1 unhealthy: GET /h answers 404",
        "",
    ]
    assert (shown.total_services, shown.total_instances, shown.healthy_instances) == (3, 4, 2)


def test_addresses_in_what_was_seen_are_shown_inside_alone(registry: Registry) -> None:
    registry.add("b/1", ILL)
    registry.add("b/2")

    public, inside = registry.shown(), registry.shown(inside=True)

    assert public.services[0].instances[0].seen == ""
    assert "10.0.0.1" not in public.services[0].why
    assert [one.seen for one in inside.services[0].instances] == [ILL.latest, ""]
    assert inside.services[0].why.endswith("at 10.0.0.1:8000")


def test_of_a_single_instance_the_reason_says_all(registry: Registry) -> None:
    registry.add("b/1", ILL)

    (service,) = registry.shown(inside=True).services

    assert service.why == f"1 unhealthy: {ILL.latest}, at 10.0.0.1:8000"
    assert service.instances[0].seen == ""


def test_what_has_lapsed_is_not_listed_and_is_counted_in_the_reason(registry: Registry) -> None:
    """Requests may still go to a lapsed instance, but `/services` no longer lists it."""
    registry.add("a/1", ILL)
    registry.keep(replace(registry.add("a/2"), absent="lapsed"))
    registry.keep(replace(registry.add("gone/1"), absent="lost"))

    (service,) = registry.shown().services

    assert [one.id for one in service.instances] == ["1"]
    assert service.why == "1 lapsed; 1 unhealthy: GET /h answers 404"
    assert at_once(routes(registry.view, TABLE)) == [{"route": "/api/a", "service": "a"}]


def test_an_instance_that_leaves_is_no_trouble_while_another_stays(registry: Registry) -> None:
    registry.add("a/1")
    registry.keep(replace(registry.add("a/2"), draining=True))
    registry.keep(replace(registry.add("b/1"), draining=True))

    by_name = {one.name: one for one in registry.shown().services}

    assert (by_name["a"].why, by_name["b"].why) == ("", "1 draining")


def test_a_route_is_shown_where_it_goes_to_the_service(registry: Registry) -> None:
    registry.add("price/1", health_check_url="/health")
    registry.add("price_service/1", health_check_url="/health")

    by_name = {one.name: one for one in registry.shown().services}

    assert by_name["price_service"].route == "/api/price"
    assert (by_name["price"].route, by_name["price"].health_path) == ("", "")
    assert at_once(routes(registry.view, TABLE)) == [
        {"route": "/api/price", "service": "price_service"}
    ]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"health_check_url": "/health"}, "/health"),
        ({"health_check_url": "http://10.0.0.1:8000/health"}, "/health"),
        ({"health_check_url": "http://10.0.0.1:9000/health"}, ""),
        ({"health_check_url": "/health?key=s3cret"}, ""),
        ({"health_check_url": "/health", "metadata": {"health.statuses": "401"}}, ""),
        ({"health_check_url": "/health", "metadata": {"health.probe": "tcp"}}, ""),
        ({}, ""),
    ],
)
def test_a_path_is_linked_that_requests_are_surely_answered_at(
    registry: Registry, body: dict[str, Any], path: str
) -> None:
    registry.add("a/1", **body)

    assert registry.shown().services[0].health_path == path


def test_no_path_is_linked_that_some_instances_do_not_have(registry: Registry) -> None:
    registry.add("a/1", health_check_url="/health")
    registry.add("a/2", health_check_url="/ready")
    registry.add("b/1", ILL, health_check_url="/health")

    assert [one.health_path for one in registry.shown().services] == ["", ""]


def test_of_many_a_part_is_shown_and_all_are_counted(registry: Registry) -> None:
    for number in range(page.MOST_INSTANCES_OF_A_SERVICE + 5):
        registry.add(f"large/i{number:03}")
    registry.add("large/z", ILL)
    for number in range(page.MOST_SERVICES):
        for instance in range(10):
            registry.add(f"s{number:03}/i{instance}")

    shown = registry.shown()

    assert shown.total_services == page.MOST_SERVICES + 1
    assert len(shown.services) == page.MOST_SERVICES
    first = shown.services[0]
    assert (first.name, first.total) == ("large", page.MOST_INSTANCES_OF_A_SERVICE + 6)
    assert len(first.instances) == page.MOST_INSTANCES_OF_A_SERVICE
    assert first.instances[0].id == "z"  # the unhealthy one is listed
    assert sum(len(one.instances) for one in shown.services) == page.MOST_INSTANCES


def test_no_step_looks_at_all_instances_of_a_service(registry: Registry) -> None:
    """With thousands of unhealthy instances, one step took longer than all others together."""
    for number in range(2000):
        registry.add(f"large/i{number:04}", ILL)
    looked = 0

    class Counting(Sight):
        @property
        def state(self) -> str:
            nonlocal looked
            looked += 1
            return super().state

    steps = overview(
        registry.view,
        TABLE,
        lambda name: (Counting(s.entry, s.health, s.changed_s) for s in registry.sights(name)),
        inside=True,
    )
    of_steps = []
    for _ in steps:
        of_steps.append(looked)
        looked = 0
    of_steps.append(looked)

    assert sum(of_steps) >= 2000
    assert max(of_steps) <= 2 * ITEMS_OF_A_STEP


def test_ids_are_in_order_in_whatever_order_instances_come(registry: Registry) -> None:
    ids = [f"i{number:03}" for number in range(3 * page.MOST_INSTANCES_OF_A_SERVICE)]
    for instance in reversed(ids):
        registry.add(f"large/{instance}")

    (large,) = registry.shown().services

    assert [one.id for one in large.instances] == ids[: page.MOST_INSTANCES_OF_A_SERVICE]


def test_metadata_and_health_urls_are_in_nothing_that_is_shown(registry: Registry) -> None:
    registry.add("a/1", ILL, health_check_url="/h?key=s3cret", metadata={"password": "s3cret"})

    assert "s3cret" not in json.dumps(str(registry.shown(inside=True)))


def test_what_helps_is_said_to_those_who_may_read_addresses(registry: Registry) -> None:
    seen = "GET /h answers 404, expected 200 to 299"
    registry.add("a/1", Health("unhealthy", latest=seen))
    registry.add("b/1")
    registry.add("c/1", Health("unhealthy", latest="nobody knows why"))

    inside = {one.name: one.helps for one in registry.shown(inside=True).services}
    public = {one.name: one.helps for one in registry.shown().services}

    assert inside.pop("a").startswith("give the path of its health check (health_path, ")
    assert set(inside.values()) | set(public.values()) == {""}
