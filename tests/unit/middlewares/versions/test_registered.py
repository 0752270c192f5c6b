"""Which versions a service has, by the view."""

from dataclasses import replace

from discovery.model.instance import parse_registration
from discovery.view.view import Absence, Entry, View
from middlewares.versions.deciding.choosing import Registered
from middlewares.versions.registered import RegisteredVersions


def entry(
    name: str, version: str | None, *, draining: bool = False, absent: Absence | None = None
) -> Entry:
    body = {"host": "localhost", "port": 8000, "version": version}
    return Entry(parse_registration("shop", name, body), 0, draining=draining, absent=absent)


def view_of(*entries: Entry) -> View:
    return View(services={"shop": {one.key: one for one in entries}})


def test_versions_are_in_order_and_those_that_stay_are_apart() -> None:
    view = view_of(
        entry("a", "10.0.0"),
        entry("b", "9.0.0", draining=True),
        entry("c", "8.0.0", absent="lapsed"),
        entry("d", "7.0.0", absent="lost"),
        entry("e", None),
    )
    found = RegisteredVersions(lambda: view).of("shop")
    assert found.versions == ("7.0.0", "8.0.0", "9.0.0", "10.0.0")
    assert found.staying == ("7.0.0", "10.0.0")
    assert found.known
    assert found.mixed
    assert not RegisteredVersions(lambda: view_of(entry("a", "1.0.0"))).of("shop").mixed


def test_they_are_found_once_for_each_state_of_the_service() -> None:
    views = [view_of(entry("a", "1.0.0"))]
    registered = RegisteredVersions(lambda: views[-1])
    first = registered.of("shop")
    views.append(replace(views[-1], revision=7))  # another service has changed
    assert registered.of("shop") is first
    views.append(view_of(entry("a", "2.0.0")))
    assert registered.of("shop").versions == ("2.0.0",)


def test_nothing_is_known_without_a_view_or_of_a_service_without_instances() -> None:
    assert RegisteredVersions(lambda: None).of("shop") == Registered("shop", partial=True)
    assert RegisteredVersions(View).of("shop") == Registered("shop")
    partial = replace(view_of(entry("a", "1.0.0")), partial=True)
    assert RegisteredVersions(lambda: partial).of("shop").partial
