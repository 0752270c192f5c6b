"""Which route a copy takes."""

from gateway.worker.mirroring import Mirroring
from middlewares.exchange import Exchange
from middlewares.header_section import HeaderSection
from middlewares.mirror.policy import MirrorPolicy
from middlewares.routing.policy import Balance, Breaker, Outliers, Retries, RoutePolicy, Timeouts
from middlewares.routing.rewriting import Strip
from middlewares.routing.route import Route
from middlewares.version_ranges import parse_range

OWN = RoutePolicy(
    timeouts=Timeouts(head_s=7.0),
    retries=Retries(attempts=5),
    balance=Balance("round_robin"),
    concurrent=3,
    outliers=Outliers(),
    breaker=Breaker(),
    mirrors=(MirrorPolicy(service="other"),),
    body_bytes=9,
    takes_timeout=True,
)
OTHER = RoutePolicy(timeouts=Timeouts(head_s=1.0))
ROUTE = Route("shop", "orders", "/shop", OWN, rewrite=Strip("/shop"), host="own")


def exchange(route: Route = ROUTE) -> Exchange:
    made = Exchange("id", 0.0, "192.0.2.1", HeaderSection(()), None, "/", "/")
    made.route = route
    return made


def mirroring() -> Mirroring:
    return Mirroring(trusts=lambda *_: False, policy_for=lambda _service: OTHER)


def test_copies_to_a_range_have_the_routes_time_outs_and_nothing_that_protects_the_service() -> (
    None
):
    made = mirroring().route_of(exchange(), MirrorPolicy(versions=parse_range("3")))
    assert (made.id, made.service, made.prefix, made.rewrite, made.host) == (
        "shop",
        "orders",
        "/shop",
        ROUTE.rewrite,
        "own",
    )
    assert made.policy == RoutePolicy(
        timeouts=OWN.timeouts,
        retries=Retries(attempts=1, on=frozenset()),
        balance=OWN.balance,
        takes_timeout=True,
    )
    assert not made.policy.is_watched


def test_copies_to_another_service_have_its_time_outs() -> None:
    made = mirroring().route_of(exchange(), MirrorPolicy(service="other"))
    assert made.service == "other"
    assert made.policy.timeouts == OTHER.timeouts


def test_a_route_is_made_once_until_a_reload_changes_it() -> None:
    mirrors, mirror = mirroring(), MirrorPolicy(service="other")
    made = mirrors.route_of(exchange(), mirror)
    assert mirrors.route_of(exchange(), mirror) is made
    changed = Route("shop", "orders", "", OWN)
    assert mirrors.route_of(exchange(changed), mirror).prefix == ""
