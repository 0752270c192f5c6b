"""Figures of two proxies are compared within a round only."""

from bench.load import Load
from bench.peers.peer import Launch, Peer
from bench.rounds import Round, Rounds, cpu_us
from bench.stage import Proxy
from bench.workloads import POST, UNIQUE


def proxy(name: str) -> Proxy:
    return Proxy(Peer(name, "1", True, lambda site: Launch([])), None)


def one(cpu_us: float) -> Round:
    return Round(cpu_us, 0.0, Load(1, 1.0, 1.0, 1.0, 0), 0)


def test_a_round_that_one_of_two_proxies_failed_is_not_compared() -> None:
    ours, theirs, measured = proxy("ours"), proxy("theirs"), Rounds()
    for number in range(3):
        measured.add(number, UNIQUE, ours, one(2.0 * 10**number))
        if number != 1:
            measured.add(number, UNIQUE, theirs, one(1.0 * 10**number))

    assert measured.ratios((UNIQUE, ours), (UNIQUE, theirs), cpu_us) == [2.0, 2.0]


def test_two_workloads_of_a_proxy_are_compared() -> None:
    ours, measured = proxy("ours"), Rounds()
    measured.add(0, UNIQUE, ours, one(100.0))
    measured.add(0, POST, ours, one(125.0))

    assert measured.ratios((POST, ours), (UNIQUE, ours), cpu_us) == [1.25]
