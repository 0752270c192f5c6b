"""What is known of services outlives reloads and renames, and decides where requests go."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest

from discovery.health.book import HealthBook
from discovery.health.machine import Health
from discovery.model.instance import Instance
from discovery.view.view import Entry, View
from gateway.hop.watched_service import WatchedService
from gateway.hop.watched_services import WatchedServices
from middlewares.candidates.deciding import Candidate, Candidates, find_candidates
from middlewares.exchange import Attempt
from middlewares.failures import (
    CircuitOpen,
    Failure,
    UpstreamReset,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from middlewares.routing.policy import Breaker, Outliers, RoutePolicy

PATIENCE_S = 30.0
OUTLIERS = RoutePolicy(outliers=Outliers(failures=3))
BREAKER = RoutePolicy(breaker=Breaker())


@dataclass
class Said:
    """An answer with this status."""

    status: int


class Scene:
    """Three instances of `price` that pass their probes."""

    def __init__(self, policy: RoutePolicy = OUTLIERS) -> None:
        self.entries = {one.key: Entry(one, 0) for one in map(self.instance, "abc")}
        self.health = HealthBook(lambda _instance, _before, _after: None)
        for entry in self.entries.values():
            self.health.note(entry.instance, Health(status="healthy"))
        self.services = WatchedServices(self.health, lambda: self.view)
        self.services.take({"price": policy, "other": RoutePolicy()})

    @staticmethod
    def instance(name: str) -> Instance:
        return Instance(name="price", id=name, host=f"{name}.example", port=80)

    @property
    def view(self) -> View:
        return View(services={"price": self.entries})

    @property
    def service(self) -> WatchedService:
        found = self.services.get("price")
        assert found is not None
        return found

    def candidates(self) -> Candidates:
        health = self.health
        entries = self.entries.values()
        return find_candidates(
            entries, health.status, health.is_suspected, health.is_ejected
        ).candidates

    def ends(
        self,
        name: str,
        outcome: int | Failure | None,
        took_s: float = 0.01,
        *,
        upload: bool = False,
    ) -> None:
        instance = self.instance(name)
        self.service.attempt_began(instance, is_upload=upload)
        attempt = Attempt(name, time.monotonic() - took_s, duration_s=took_s)
        said = Said(outcome) if isinstance(outcome, int) else outcome
        self.service.attempt_ended(instance, said, attempt, PATIENCE_S, is_upload=upload)

    def is_out(self, name: str) -> bool:
        return self.health.is_ejected(f"price/{name}")

    def instead(self, name: str, *, repeatable: bool = False) -> str:
        """The ids among which another one is chosen instead of this one; empty: this one is right."""
        candidates = self.candidates()
        (chosen,) = (one for one in candidates if one.instance.id == name)
        others = self.service.instead(chosen, candidates, repeatable=repeatable)
        return "".join(one.instance.id for one in others or ())

    def changes(self, after: Mapping[str, Entry]) -> None:
        before = self.view
        self.entries = dict(after)
        self.services.view_changed(before, self.view, None)


def test_a_service_without_outliers_and_breaker_is_not_watched() -> None:
    assert Scene().services.get("other") is None


def test_failures_put_one_out_and_no_more_than_may_be() -> None:
    scene = Scene()
    for name in "aabbccabc":
        scene.ends(name, 500)

    assert [scene.is_out(name) for name in "abc"] == [True, False, False]
    assert scene.service.ejected == scene.service.ejections == 1


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(None, id="the client left"),
        pytest.param(404, id="404"),
        pytest.param(501, id="501"),
        pytest.param(UpstreamTimeout("late"), id="a client that wants it sooner"),
    ],
)
def test_what_says_nothing_puts_nobody_out(outcome: int | Failure | None) -> None:
    scene = Scene()
    for _ in range(30):
        scene.ends("a", outcome)

    assert not scene.is_out("a")
    assert scene.service.standings["price/a"].waiting == 0


def test_after_one_failure_requests_that_cannot_be_repeated_go_elsewhere() -> None:
    scene = Scene()
    scene.ends("a", UpstreamReset("it ended"))

    assert scene.instead("a") == "bc"
    assert scene.instead("b") == ""
    assert scene.instead("a", repeatable=True) == ""


def test_after_a_kept_connection_ended_too_but_nobody_is_put_out() -> None:
    scene = Scene()
    ended = UpstreamReset("it ended")
    ended.reused = True
    for _ in range(30):
        scene.ends("a", ended)

    assert scene.instead("a") == "bc"
    assert not scene.is_out("a")


def test_a_failure_elsewhere_is_known_to_the_very_next_request() -> None:
    scene = Scene(RoutePolicy(outliers=Outliers(most=0.9)))
    scene.ends("a", 500)
    assert scene.instead("a") == "bc"

    scene.ends("b", 500)

    assert scene.instead("a") == "c"


def test_nobody_is_avoided_while_most_of_them_fail() -> None:
    scene = Scene()
    scene.ends("a", 500)
    scene.ends("b", 500)

    assert scene.instead("a") == ""


def test_a_request_that_waits_for_long_keeps_others_away() -> None:
    scene = Scene()
    for name in "bbbccc":
        scene.ends(name, 200)
    scene.service.attempt_began(scene.instance("a"), is_upload=False)
    scene.service.standings["price/a"].waiting_since_s = time.monotonic() - 0.15

    assert scene.instead("a", repeatable=True) == "bc"
    assert scene.instead("a") == "bc"


def test_an_upload_that_waits_for_its_client_does_not() -> None:
    scene = Scene()
    for name in "bbbccc":
        scene.ends(name, 200)
    scene.service.attempt_began(scene.instance("a"), is_upload=True)
    scene.service.standings["price/a"].waiting_since_s = time.monotonic() - 10

    assert scene.instead("a") == ""


def test_late_answers_put_one_out_but_not_those_of_uploads() -> None:
    scene = Scene()
    for name in "bbbbcccc":
        scene.ends(name, 200)
    for _ in range(6):
        scene.ends("a", 200, took_s=2.0, upload=True)
    assert not scene.is_out("a")

    for _ in range(6):
        scene.ends("a", 200, took_s=2.0)
    assert scene.is_out("a")


def put_out(scene: Scene, name: str = "a") -> None:
    for _ in range(3):
        scene.ends(name, 500)
    assert scene.is_out(name)


def test_one_request_at_a_time_is_a_trial_once_the_time_is_over() -> None:
    scene = Scene()
    put_out(scene)
    assert scene.instead("b", repeatable=True) == ""

    scene.service.standings["price/a"].out_until_s = time.monotonic()
    candidates = scene.candidates()
    trial = scene.service.instead(candidates[0], candidates, repeatable=True)

    assert trial is not None
    assert [one.instance.id for one in trial] == ["a"]
    assert trial.are_on_trial
    scene.service.attempt_began(scene.instance("a"), is_upload=False)
    assert scene.instead("b", repeatable=True) == ""


def test_a_repeat_is_no_trial() -> None:
    scene = Scene()
    put_out(scene)
    scene.service.standings["price/a"].out_until_s = time.monotonic()
    candidates = scene.candidates()
    rest = candidates.without(candidates[0])

    assert scene.service.instead(rest[0], rest, repeatable=True) is None


def test_the_only_candidate_is_right_whatever_it_does() -> None:
    scene = Scene()
    scene.ends("a", 500)
    only = Candidates([Candidate(scene.instance("a"), "registered")])

    assert scene.service.instead(only[0], only, repeatable=False) is None


def test_a_change_among_the_others_forgets_nobody() -> None:
    scene = Scene()
    put_out(scene)

    scene.changes({key: one for key, one in scene.entries.items() if key != "price/c"})

    assert set(scene.service.standings) == {"price/a"}
    assert scene.is_out("a")


def test_who_is_gone_or_at_another_address_is_forgotten() -> None:
    scene = Scene()
    scene.ends("a", 200)
    scene.ends("b", 200)
    moved = replace(scene.entries["price/b"].instance, port=81)

    scene.changes({"price/b": Entry(moved, 0), "price/c": scene.entries["price/c"]})

    assert scene.service.standings == {}


def test_an_attempt_at_who_has_just_left_is_not_remembered() -> None:
    scene = Scene()
    rest = {key: one for key, one in scene.entries.items() if key != "price/a"}
    scene.changes(rest)

    scene.ends("a", UpstreamUnreachable("the instance takes no more requests"))

    assert scene.service.standings == {}


def test_a_process_that_registers_anew_is_tried_at_once() -> None:
    scene = Scene()
    put_out(scene)
    anew = replace(scene.entries["price/a"], registered_at_ms=1)

    scene.changes({**scene.entries, "price/a": anew})

    assert scene.service.standings["price/a"].out_until_s <= time.monotonic()
    assert scene.instead("b", repeatable=True) == "a"


def test_what_is_known_goes_along_to_another_name() -> None:
    scene = Scene()
    put_out(scene)
    scene.services.take({"prices": OUTLIERS})
    renamed = replace(scene.instance("a"), name="prices")
    scene.health.move("price/a", renamed)

    scene.services.instance_moved("price/a", renamed)

    prices = scene.services.get("prices")
    assert prices is not None
    assert prices.standings["prices/a"].is_out


def test_under_a_name_that_is_not_watched_it_is_in_again() -> None:
    scene = Scene()
    put_out(scene)
    renamed = replace(scene.instance("a"), name="other")
    scene.health.move("price/a", renamed)

    scene.services.instance_moved("price/a", renamed)

    assert not scene.health.is_ejected("other/a")


def test_another_policy_forgets_nobody_and_none_readmits_all() -> None:
    scene = Scene()
    put_out(scene)
    scene.services.take({"price": RoutePolicy(outliers=Outliers(failures=9))})
    assert scene.is_out("a")

    scene.services.take({"price": BREAKER})

    assert not scene.is_out("a")


def test_a_service_that_leaves_the_file_is_forgotten() -> None:
    scene = Scene()
    put_out(scene)

    scene.services.drop_others({"price": RoutePolicy()})

    assert not scene.is_out("a")
    assert scene.services.get("price") is None


def test_a_request_that_began_before_puts_nobody_out_any_more() -> None:
    scene = Scene()
    service = scene.service
    scene.services.drop_others({"price": RoutePolicy()})

    for _ in range(30):
        instance, attempt = scene.instance("a"), Attempt("a", time.monotonic())
        service.attempt_began(instance, is_upload=False)
        failed = UpstreamReset("it ended")
        service.attempt_ended(instance, failed, attempt, PATIENCE_S, is_upload=False)

    assert not scene.is_out("a")


def test_a_request_under_way_at_a_rename_stops_no_trial() -> None:
    scene = Scene()
    scene.service.attempt_began(scene.instance("a"), is_upload=True)
    scene.services.take({"prices": OUTLIERS})
    renamed = replace(scene.instance("a"), name="prices")

    scene.services.instance_moved("price/a", renamed)

    prices = scene.services.get("prices")
    assert prices is not None
    standing = prices.standings["prices/a"]
    assert (standing.waiting, standing.uploads) == (0, 0)


def test_a_breaker_alone_keeps_over_a_reload_what_it_has_counted() -> None:
    scene = Scene(BREAKER)
    for _ in range(10):
        scene.ends("a", 500)

    scene.services.take({"price": BREAKER})

    assert scene.service.standings["price/a"].window.failures == 10


def test_a_circuit_that_is_open_lets_nothing_in() -> None:
    scene = Scene(BREAKER)
    number, until_s = 0, time.monotonic() + 10
    while scene.service.circuit.state == "closed" and time.monotonic() < until_s:
        scene.service.admit(repeatable=True)
        scene.ends("abc"[number % 3], 500)
        number += 1

    with pytest.raises(CircuitOpen) as refused:
        scene.service.admit(repeatable=True)

    assert refused.value.retry_after_s == 5
    assert "at all 3 instances, the last: answered 500" in refused.value.evidence
    assert scene.services.describe() == {"price": {"breaker": "open"}}
    assert not any(map(scene.is_out, "abc"))


@pytest.mark.parametrize("ending", ["its client left", "its client is in a hurry", "no attempt"])
def test_a_trial_that_says_nothing_keeps_no_other_out(ending: str) -> None:
    scene = Scene(BREAKER)
    service, circuit = scene.service, scene.service.circuit
    circuit.state, circuit.n = "open", 1
    circuit.since_s, circuit.open_until_s = time.monotonic() - 1.0, time.monotonic()

    for _ in range(20):
        service.admit(repeatable=True)
        with pytest.raises(CircuitOpen):
            service.admit(repeatable=True)
        if ending == "no attempt":
            service.said_nothing(time.monotonic())
        else:
            hurried = None if ending == "its client left" else UpstreamTimeout("late")
            scene.ends("a", hurried, took_s=0.0)

    assert scene.services.describe() == {"price": {"breaker": "half_open"}}
