"""What the registry tells an instance's registrant, in cases that the model test does not show."""

from collections.abc import Iterator

import pytest

from discovery.model.answers import Standing
from discovery.store import scripts
from tests.redis.test_scripts_against_twin import (
    HOUR_S,
    META,
    REMOVE_AFTER_S,
    STATUS,
    VERDICTS,
    Registry,
    instance,
)

KEY = "price/a"
URL = "http://localhost:8080"


@pytest.fixture
def registry(registry_url: str) -> Iterator[Registry]:
    registry = Registry(registry_url)
    registry.call(scripts.register(instance(KEY)))
    yield registry
    registry.client.close()


def sweep(registry: Registry, gateway: str = "g1", url: str = URL) -> None:
    registry.call(scripts.sweep(gateway, HOUR_S, REMOVE_AFTER_S, url=url))


def report(registry: Registry, verdict: str, evidence: str, gateway: str = "g1") -> None:
    registry.call(scripts.report(gateway, HOUR_S, [(KEY, verdict, evidence)]))


def standing(registry: Registry) -> Standing:
    return registry.call(scripts.standing(KEY))


def test_of_several_gateways_the_one_that_found_it_so_is_named(registry: Registry) -> None:
    sweep(registry, "g1", "http://one")
    sweep(registry, "g2", "http://two")
    report(registry, "unhealthy", "404", "g1")
    report(registry, "healthy", "200", "g2")
    assert standing(registry) == Standing("healthy", "", 2, "http://two")


def test_gateways_that_find_different_faults_do_not_take_turns(registry: Registry) -> None:
    """Each renewed lease put another gateway's evidence first, so the registrant logged a line at each
    heartbeat though nothing had changed.
    """
    told = set()
    report(registry, "unhealthy", "GET /health answers 404", "g1")
    report(registry, "unhealthy", "connect failed: refused", "g2")
    for turn, gateway in enumerate(("g1", "g2", "g1")):
        registry.call(scripts.sweep(gateway, HOUR_S + turn, REMOVE_AFTER_S))
        told.add(standing(registry).evidence)
    assert len(told) == 1


def test_what_is_wrong_now_is_told_though_the_state_stays_as_it_was(registry: Registry) -> None:
    """A registrant who fixed the port and then had a wrong path still read that nothing listens."""
    report(registry, "unhealthy", "connect failed: refused")
    events = len(registry.events())
    report(registry, "unhealthy", "GET /health answers 404")
    assert standing(registry).evidence == "GET /health answers 404"
    assert len(registry.events()) == events


def test_a_dead_gateways_address_and_evidence_are_told_no_more(registry: Registry) -> None:
    sweep(registry)
    report(registry, "unhealthy", "404")
    registry.lapse_gateway("g1")
    assert standing(registry) == Standing("unhealthy", "", 0, "")
    sweep(registry, "g2", "http://two")
    assert standing(registry) == Standing("unhealthy", "", 1, "http://two")
    assert [one for one in registry.client.hkeys(META) if b"g1" in one] == []


def test_a_gateway_of_an_earlier_release_tells_its_verdicts_and_neither_why_nor_where(
    registry: Registry,
) -> None:
    sweep(registry, url="")
    registry.client.hset(VERDICTS, f"g1|{KEY}", "unhealthy")
    registry.client.hset(STATUS, KEY, "unhealthy")
    assert standing(registry) == Standing("unhealthy", "", 1, "")


def test_what_an_earlier_releases_scripts_leave_behind_is_cleared_when_a_gateway_comes(
    registry: Registry,
) -> None:
    """Those scripts remove instances and gateways but do not know the fields in `meta`."""
    sweep(registry)
    report(registry, "unhealthy", "404")
    for field in ("why g1|price/gone", "why ghost|price/a", "url ghost"):
        registry.client.hset(META, field, "x")
    sweep(registry, "g2")
    fields = {one for one in registry.client.hkeys(META) if one[:4] in (b"why ", b"url ")}
    assert fields == {b"why g1|price/a", b"url g1", b"url g2"}


def test_an_hour_later_what_an_old_client_took_out_has_left_nothing_behind(
    registry: Registry,
) -> None:
    """Gateways run for months next to services with a client of an earlier release."""
    sweep(registry)
    registry.client.hset(META, "why g1|price/gone", "x")
    sweep(registry)
    registry.client.hincrby(META, "swept", -3_600_000)
    sweep(registry)
    assert [one for one in registry.client.hkeys(META) if one.startswith(b"why ")] == []


def test_one_gateways_evidence_is_told_while_another_has_still_to_say(registry: Registry) -> None:
    """One gateway had the instance on probation and the next did not know, so nobody was told why."""
    sweep(registry, "g1", "http://one")
    sweep(registry, "g2", "http://two")
    report(registry, "unhealthy", "GET /health answers 404", "g1")
    report(registry, "starting", "", "g2")
    found = standing(registry)
    assert (found.state, found.evidence) == ("starting", "GET /health answers 404")


def test_on_probation_it_is_told_why_though_it_stays_starting(registry: Registry) -> None:
    """An instance was removed for ill health and came back with the same fault, and was told nothing."""
    sweep(registry)
    report(registry, "unhealthy", "404")
    registry.outstay(KEY)
    sweep(registry)
    assert standing(registry).state == "removed"
    registry.call(scripts.register(instance(KEY)))
    report(registry, "starting", "404")
    assert standing(registry) == Standing("starting", "404", 1, URL)


@pytest.mark.parametrize("removed_before", [False, True])
def test_who_deregisters_it_on_purpose_is_told_from_a_removal(
    registry: Registry, removed_before: bool
) -> None:
    if removed_before:
        report(registry, "unhealthy", "404")
        registry.outstay(KEY)
        sweep(registry)
        registry.call(scripts.register(instance(KEY)))
        registry.client.zincrby(_key("probation"), -1, KEY)  # as if a millisecond had passed
    registry.call(scripts.deregister(KEY))
    assert standing(registry).state == "deregistered"


def test_one_that_has_lapsed_has_no_state_and_may_register_again(registry: Registry) -> None:
    registry.lapse(KEY)
    sweep(registry)
    assert standing(registry).state == ""
    assert registry.call(scripts.heartbeat(KEY)) == ""


def test_a_status_that_another_hand_wrote_is_none(registry: Registry) -> None:
    """An empty status read as "not registered", so the instance registered again at each heartbeat."""
    sweep(registry)
    registry.client.hset(STATUS, KEY, "")
    assert registry.call(scripts.heartbeat(KEY)) == "starting"
    assert standing(registry).state == "starting"


def test_what_another_hand_wrote_is_one_line_and_nothing_that_a_terminal_obeys(
    registry: Registry,
) -> None:
    sweep(registry, url="http://a\x1b[2J\nb")
    report(registry, "unhealthy", "404\r\x1b]0;x\x07")
    found = standing(registry)
    assert (found.gateway_url, found.evidence) == ("http://a?[2J?b", "404??]0;x?")


def _key(name: str) -> str:
    return META.removesuffix("meta") + name
