"""The public list of services: rendered in short steps, and unchanged parts only once."""

import json
from dataclasses import replace
from typing import Any

import orjson

from discovery.base.steps import ITEMS_OF_A_STEP, at_once
from discovery.model.fixed import fixed_instance
from discovery.model.instance import parse_registration
from discovery.view.view import Entry, Status, View
from gateway.endpoints.public_services import PublicServices, describe_entry


def entry(key: str, **body: Any) -> Entry:
    name, _, instance_id = key.partition("/")
    instance = parse_registration(name, instance_id, {"host": "localhost", "port": 8000, **body})
    return Entry(instance, 1_700_000_000_000)


def healthy(_key: str) -> Status:
    return "healthy"


def view_of(*entries: Entry) -> View:
    services: dict[str, dict[str, Entry]] = {}
    for one in entries:
        services.setdefault(one.instance.name, {})[one.key] = one
    return View("e", 1, services)


def rendered(public: PublicServices, view: View, heartbeats: dict[str, int] | None = None) -> Any:
    services = at_once(public.of(view, sorted(view.services), heartbeats or {}, "/api"))
    return json.loads(orjson.dumps(services))


def test_it_is_the_document_of_the_contract_without_what_the_token_shows() -> None:
    one = entry("price/b", health_check_url="/h?key=s3cret", metadata={"a": "s3cret"}, weight=3)
    other = replace(entry("price/a"), draining=True)
    gone = replace(entry("price/c"), absent="lost")
    (service,) = rendered(
        PublicServices(healthy), view_of(one, other, gone), {"price/b": 1_700_000_005_000}
    )
    assert {key: service[key] for key in ("name", "route", "healthy", "total")} == {
        "name": "price",
        "route": "/api/price",
        "healthy": 1,
        "total": 2,
    }
    assert list(service) == ["name", "route", "healthy", "total", "instances"]
    first, second = service["instances"]
    expected = describe_entry(one, "healthy", {"price/b": 1_700_000_005_000})
    del expected["metadata"]
    expected["health_check_url"] = "http://localhost:8000/h"
    assert second == expected
    assert (first["id"], first["status"], first["health_check_url"]) == ("a", "draining", None)
    assert second["last_heartbeat"] == "2023-11-14T22:13:25Z"


def test_thousands_are_rendered_in_short_steps() -> None:
    view = view_of(*(entry(f"price/{number}") for number in range(950)), entry("orders/a"))
    steps = PublicServices(healthy).of(view, sorted(view.services), {}, "/api")
    assert sum(1 for _ in steps) == 1 + -(-950 // ITEMS_OF_A_STEP)


def test_what_is_as_it_was_is_not_rendered_again_and_what_went_is_forgotten() -> None:
    found: dict[str, Status] = {}
    public = PublicServices(lambda key: found.get(key, "healthy"))
    a, b, c = entry("price/a"), entry("price/b"), entry("orders/c")
    rendered(public, view_of(a, b, c))
    (*_, of_a), (*_, of_b) = (public._known["price"][key] for key in ("price/a", "price/b"))
    found["price/b"] = "unhealthy"
    (service,) = rendered(public, view_of(a, b), {"price/a": 1_700_000_009_000})
    assert public._known["price"]["price/a"][2] is of_a
    assert public._known["price"]["price/b"][2] is not of_b
    assert public._known.keys() == {"price"}
    assert [one["status"] for one in service["instances"]] == ["healthy", "unhealthy"]
    assert service["instances"][0]["last_heartbeat"] == "2023-11-14T22:13:29Z"


def test_an_instance_of_the_file_says_so_and_has_no_heartbeat() -> None:
    fixed = Entry(fixed_instance("price", "http://10.0.0.5:9000"), 1_700_000_000_000)
    (service,) = rendered(PublicServices(healthy), view_of(entry("price/a"), fixed))
    registered, named = service["instances"]
    assert "source" not in registered
    assert (named["source"], named["last_heartbeat"]) == ("file", None)
    assert named["registered_at"] == "2023-11-14T22:13:20Z"
    assert named == {
        key: value
        for key, value in describe_entry(fixed, "healthy", {}).items()
        if key != "metadata"
    }
