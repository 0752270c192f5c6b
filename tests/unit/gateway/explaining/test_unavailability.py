"""A 503's reason takes little time, even for a large service whose health changes often."""

from collections.abc import ValuesView

import pytest
from aiohttp.test_utils import make_mocked_request

from discovery.health.book import HealthBook
from discovery.health.machine import Health
from discovery.model.instance import parse_registration
from discovery.view.view import Entry, View
from gateway.explaining.unavailability import FRESH_FOR_S, Unavailability
from gateway.guard.admin import AdminGuard
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import CircuitOpen, Failure, NoHealthyInstance
from middlewares.header_section import HeaderSection

ORDERS = parse_registration("orders", "i1", {"host": "10.0.0.1", "port": 80})


class Outage:
    """A service whose instances take `takes_s` seconds to look at, each time."""

    def __init__(self, takes_s: float) -> None:
        self.now_s = 1000.0
        self.looked = 0
        self.book = HealthBook(lambda *_: None)
        outage = self

        class Entries(dict[str, Entry]):
            def values(self) -> ValuesView[Entry]:
                outage.looked += 1
                outage.now_s += takes_s
                return super().values()

        view = View("e", 1, {"orders": Entries({ORDERS.key: Entry(ORDERS, 0)})})
        guard = AdminGuard(None)
        self._words = Unavailability(lambda: view, self.book, guard, clock=lambda: self.now_s)

    def changes(self, condition: str) -> None:
        self.book.note(ORDERS, Health(condition))  # type: ignore[arg-type]

    def told(self, failure: Failure | None = None) -> str:
        request = make_mocked_request("GET", "/api/orders")
        section = HeaderSection(())
        request[EXCHANGE] = Exchange("id", 0.0, "203.0.113.9", section, None, "/", "/")
        failure = failure or NoHealthyInstance("orders")
        return self._words.detail_of(request, failure).partition(": ")[2]


def test_an_outage_of_a_large_service_does_not_have_each_503_look_at_every_instance() -> None:
    """While thousands failed, each refused request took the milliseconds of looking at all of them."""
    outage = Outage(takes_s=0.05)

    for _ in range(50):
        outage.changes("unhealthy")
        outage.told()
        outage.changes("suspected")
        outage.told()
        outage.now_s += 0.01

    assert outage.looked == 1


def test_a_large_service_is_looked_at_again_in_time() -> None:
    outage = Outage(takes_s=0.05)
    outage.changes("unhealthy")
    assert outage.told() == "1 unhealthy"

    outage.changes("suspected")
    outage.now_s += 1.0

    assert outage.told() == "1 suspected"


def test_what_changes_is_told_at_once_of_a_small_service() -> None:
    outage = Outage(takes_s=0.0)

    for condition in ("unhealthy", "suspected", "unhealthy"):
        outage.changes(condition)
        assert outage.told() == f"1 {condition}"


@pytest.mark.parametrize(("later_s", "looked"), [(FRESH_FOR_S / 2, 1), (FRESH_FOR_S, 2)])
def test_while_nothing_changes_the_same_is_told_for_a_while(later_s: float, looked: int) -> None:
    outage = Outage(takes_s=0.0)
    outage.told()
    outage.now_s += later_s
    outage.told()

    assert outage.looked == looked


def test_an_instance_that_is_out_is_told_with_what_speaks_against_it() -> None:
    outage = Outage(takes_s=0.0)
    outage.changes("healthy")

    outage.book.eject(ORDERS, "5 requests in a row failed, the last: answered 500")

    assert outage.told() == "1 ejected: 5 requests in a row failed, the last: answered 500"


def test_one_whose_probes_fail_too_is_told_with_those() -> None:
    outage = Outage(takes_s=0.0)
    outage.book.eject(ORDERS, "5 requests in a row failed")

    outage.changes("unhealthy")

    assert outage.told() == "1 unhealthy"


def test_a_circuit_that_is_open_says_why_without_addresses() -> None:
    refused = CircuitOpen("orders", 5, "20 of 20 requests failed, the last: reset (10.0.0.1)")

    assert Outage(takes_s=0.0).told(refused) == "20 of 20 requests failed, the last: reset"
