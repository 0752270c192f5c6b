"""What still has to be sent to a subscriber."""

from hypothesis import given
from hypothesis import strategies as st

from services.price.quotes import Quote
from services.price.subscriptions import Subscription


def quote(symbol: str, price: float, second: int = 0) -> Quote:
    return {
        "symbol": symbol,
        "price": price,
        "change_24h_pct": None,
        "as_of": f"2026-01-01T00:00:{second:02}Z",
        "source": "simulated",
    }


def taken(subscription: Subscription) -> list[tuple[str, float]]:
    return [(quote["symbol"], quote["price"]) for quote in subscription.take()[0]]


def test_it_begins_with_the_present_prices() -> None:
    subscription = Subscription()
    subscription.add([quote("BTC", 1), quote("ETH", 2)])
    assert subscription.news.is_set()
    assert taken(subscription) == [("BTC", 1), ("ETH", 2)]
    assert not subscription.news.is_set()
    assert subscription.symbols == ["BTC", "ETH"]


def test_a_price_that_is_still_the_same_is_not_sent_again() -> None:
    subscription = Subscription()
    subscription.add([quote("BTC", 1)])
    taken(subscription)
    subscription.offer(quote("BTC", 1, second=1))
    assert taken(subscription) == []
    subscription.offer(quote("BTC", 2, second=2))
    assert taken(subscription) == [("BTC", 2)]


def test_who_does_not_take_for_long_gets_the_last_prices_alone() -> None:
    subscription = Subscription()
    subscription.add([quote("BTC", 0), quote("ETH", 0)])
    for price in range(10_000):
        subscription.offer(quote("BTC", price))
        subscription.offer(quote("ETH", -price))
    assert taken(subscription) == [("BTC", 9999), ("ETH", -9999)]


def test_other_symbols_are_not_sent() -> None:
    subscription = Subscription()
    subscription.add([quote("BTC", 1)])
    subscription.remove(["BTC", "NEVER"])
    subscription.offer(quote("BTC", 2))
    assert (taken(subscription), subscription.symbols) == ([], [])


def test_who_comes_back_to_a_symbol_gets_its_price_again() -> None:
    subscription = Subscription()
    subscription.add([quote("BTC", 1)])
    taken(subscription)
    subscription.remove(["BTC"])
    subscription.add([quote("BTC", 1)])
    assert taken(subscription) == [("BTC", 1)]


def test_an_outage_is_said_once_until_there_are_prices_again() -> None:
    subscription = Subscription()
    subscription.fail("of no interest to who has no symbols")
    assert subscription.take() == ([], None)
    subscription.add([quote("BTC", 1)])
    taken(subscription)
    subscription.fail("away")
    subscription.fail("still away")
    assert subscription.take() == ([], "away")
    subscription.fail("still away")
    assert subscription.take() == ([], None)
    subscription.offer(quote("BTC", 1))
    subscription.fail("away again")
    assert subscription.take()[1] == "away again"


symbols = st.sampled_from("ABC")


@given(st.lists(st.tuples(symbols, st.integers(0, 3), st.booleans())))
def test_what_was_taken_last_is_what_was_offered_last(
    steps: list[tuple[str, int, bool]],
) -> None:
    subscription = Subscription()
    subscription.add(quote(symbol, -1) for symbol in "ABC")
    offered = dict.fromkeys("ABC", -1.0)
    received: dict[str, float] = {}
    for symbol, price, takes in steps:
        subscription.offer(quote(symbol, price))
        offered[symbol] = price
        if takes:
            received |= taken(subscription)
    received |= taken(subscription)
    assert received == offered
