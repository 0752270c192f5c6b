"""What is remembered by service for those that are balanced in another way than the default."""

import random

from gateway.hop.balancer import Balancer
from gateway.hop.deciding.balancing.choice import DRAWN, HASHED, TURN
from middlewares.candidates.deciding import Candidates
from middlewares.exchange import Exchange
from middlewares.header_section import HeaderSection
from middlewares.routing.policy import Balance
from tests.support.balancing import UnderWay, candidates


class Asking:
    """Requests through one balancer, at times that the test says."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.balancer = Balancer(
            loads=UnderWay({}),
            rng=random.Random(5),
            now=lambda: self.now_s,
            client_of=lambda address: f"of {address}",
        )

    def chosen(
        self,
        balance: Balance,
        among: Candidates,
        service: str = "s",
        client: str = "10.0.0.1",
        *fields: tuple[bytes, bytes],
    ) -> tuple[str, str]:
        exchange = Exchange("id", 0.0, client, HeaderSection(fields), None, "/", "/")
        exchange.candidates = among
        candidate, why = self.balancer.choose(balance, service, exchange, among)
        return candidate.instance.id, why

    def share(self, balance: Balance, among: Candidates, instance_id: str) -> float:
        taken = [self.chosen(balance, among)[0] for _ in range(2000)]
        return taken.count(instance_id) / len(taken)


def test_each_service_has_its_own_turns() -> None:
    asking, turns, among = Asking(), Balance(by="round_robin"), candidates(a=1, b=1)
    got = [asking.chosen(turns, among, service) for service in ("x", "x", "y", "y", "x")]
    assert got == [("a", TURN), ("b", TURN), ("a", TURN), ("b", TURN), ("a", TURN)]


def test_a_request_without_the_key_goes_as_by_default() -> None:
    asking, among = Asking(), candidates(a=1, b=1, c=1)
    by_user = Balance(by="hash", hash_of="header", name=b"x-user")
    with_key = {asking.chosen(by_user, among, "s", "", (b"X-User", b"ann")) for _ in range(50)}
    assert len(with_key) == 1
    assert with_key.pop()[1] == HASHED
    without = {asking.chosen(by_user, among) for _ in range(50)}
    assert without == {("a", DRAWN), ("b", DRAWN), ("c", DRAWN)}


def test_clients_are_hashed_as_limits_name_them() -> None:
    asking, among = Asking(), candidates(**dict.fromkeys("abcdefgh", 1))
    homes = {
        client: {asking.chosen(Balance(by="hash"), among, "s", client) for _ in range(5)}
        for client in ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
    }
    assert all(len(home) == 1 for home in homes.values())
    assert len(set(map(frozenset, homes.values()))) > 1


def test_one_that_comes_starts_slowly_whatever_the_way() -> None:
    for by in ("p2c", "round_robin", "least_request"):
        asking, balance = Asking(), Balance(by=by, slow_start_s=10.0)  # type: ignore[arg-type]
        assert asking.share(balance, candidates(a=1), "a") == 1.0
        both = candidates(a=1, b=1)
        assert 0.05 < asking.share(balance, both, "b") < 0.13
        asking.now_s += 5.0
        assert 0.3 < asking.share(balance, both, "b") < 0.4
        asking.now_s += 5.0
        assert 0.45 < asking.share(balance, both, "b") < 0.55


def test_all_that_are_new_at_once_are_equals() -> None:
    asking, balance = Asking(), Balance(slow_start_s=10.0)
    assert 0.45 < asking.share(balance, candidates(a=1, b=1), "b") < 0.55
