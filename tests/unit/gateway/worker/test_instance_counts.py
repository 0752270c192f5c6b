"""The counts of instances for /status and /metrics, which anybody may ask for."""

from dataclasses import replace

from discovery.health.book import HealthBook
from discovery.health.machine import Health
from discovery.model.instance import parse_registration
from discovery.view.view import Entry, View
from gateway.worker.instance_counts import InstanceCounts


def entry(key: str) -> Entry:
    name, _, instance_id = key.partition("/")
    return Entry(parse_registration(name, instance_id, {"host": "localhost", "port": 1}), 1)


def test_they_are_counted_anew_only_where_something_has_changed() -> None:
    a, b, lost = entry("price/a"), entry("price/b"), replace(entry("price/c"), absent="lost")
    views = [View("e", 1, {"price": {one.key: one for one in (a, b, lost)}})]
    book = HealthBook(lambda *_: None)
    counts = InstanceCounts(lambda: views[-1], book)
    first = counts()
    assert first == {
        "price": {"total": 2, "healthy": 0, "starting": 2, "unhealthy": 0, "draining": 0}
    }
    assert counts() is first
    book.note(a.instance, Health("healthy"))
    assert counts()["price"]["healthy"] == 1
    views.append(View("e", 2, {"price": {a.key: a, b.key: replace(b, draining=True)}}))
    assert counts() == {
        "price": {"total": 2, "healthy": 1, "starting": 0, "unhealthy": 0, "draining": 1}
    }
    views.append(View("e", 3, {"price": {lost.key: lost}}))
    assert counts() == {}
