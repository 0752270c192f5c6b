"""The Lua scripts on a real server, compared step by step with plain Python."""

from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from discovery.model.instance import Instance, parse_registration
from discovery.store import scripts
from discovery.store.keys import registry_keys
from discovery.store.scripts import Command
from discovery.view.events import parse_event
from tests.redis.registry_twin import RegistryTwin, TwinEvent
from tests.support.every_server import registry_server as registry_server

T = TypeVar("T")

KEYS = registry_keys("default")
META, INSTANCES, INDEX, LEASES, VERDICTS, STATUS = KEYS[:6]
UNHEALTHY, GATEWAYS, KNOWN, REMOVED, WORKERS, ACKS, PROBATION, EVENTS = KEYS[6:]
HOUR_S = 3600.0
REMOVE_AFTER_S = 60.0
#: A time long ago, as a score.
LONG_AGO_MS = 1


class Registry:
    """Calls the scripts through a plain client, and can move the server's clock."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url)

    def call(self, command: Command[T]) -> T:
        source = scripts.script_source(command.script)
        return command.decode(self.client.eval(source, len(KEYS), *KEYS, *command.args))

    def lapse(self, key: str) -> None:
        self.client.zadd(LEASES, {key: LONG_AGO_MS}, xx=True)

    def lapse_gateway(self, gateway: str) -> None:
        self.client.zadd(GATEWAYS, {gateway: LONG_AGO_MS}, xx=True)

    def outstay(self, key: str) -> None:
        self.client.zadd(UNHEALTHY, {key: LONG_AGO_MS}, xx=True)

    def events(self) -> list[TwinEvent]:
        """The whole stream."""
        events = []
        entries: Any = self.client.xrange(EVENTS)
        for _, fields in entries:
            event = parse_event(fields)
            assert event is not None
            more: tuple[object, ...] = ()
            if event.kind == "registered":
                more = (event.instance,)
            elif event.kind == "health_changed":
                more = (event.from_status, event.status, event.evidence)
            events.append(TwinEvent(event.revision, event.kind, event.key, more))
        return events


@pytest.fixture
def registry(registry_url: str) -> Iterator[Registry]:
    registry = Registry(registry_url)
    yield registry
    registry.client.close()


def instance(key: str = "price/a", port: int = 8000) -> Instance:
    name, _, instance_id = key.partition("/")
    return parse_registration(
        name, instance_id, {"host": "localhost", "port": port}, default_ttl_s=HOUR_S
    )


def register_all(registry: Registry, instances: list[Instance]) -> None:
    script = registry.client.register_script(scripts.script_source("register"))
    pipeline = registry.client.pipeline(transaction=False)
    for one in instances:
        script(keys=KEYS, args=scripts.register(one).args, client=pipeline)
    pipeline.execute()


# The registry's scripts

#: Names that begin other names, with characters that sort before and after '/' as bytes.
SERVICES = ["pric", "price", "price-x", "price0", "price_service"]
#: Only a few, so that they repeat.
MEMBERS = ["price/a", "price/b.1", "price0/a", "price-x/a"]
members = st.sampled_from(MEMBERS)
workers = st.sampled_from(["g1.7", "g1.78"])
#: An instance, whether the acknowledgement is for its present registration, and its requests.
acknowledgements = st.tuples(members, st.booleans(), st.integers(0, 2))
gateways = st.sampled_from(["g1", "g2"])
verdicts = st.tuples(
    members,
    st.sampled_from(["healthy", "unhealthy", "unhealthy", "starting"]),
    st.sampled_from(["200", "503", "connect failed: refused"]),
)


class RegistryAgainstTwin(RuleBasedStateMachine):
    """Runs every script in any order, with lapsing leases, and compares everything after each step."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self.registry = registry
        self.twin = RegistryTwin()
        self.epoch = ""

    @initialize(there=st.sets(members), living=st.sets(gateways))
    def begin(self, there: set[str], living: set[str]) -> None:
        self.registry.client.flushall()
        self.epoch = self.registry.call(scripts.snapshot()).epoch
        assert self.epoch
        for key in sorted(there):
            self.register(key, 1)
        for gateway in sorted(living):
            self.sweep(gateway)

    @rule(key=members, port=st.integers(1, 3))
    def register(self, key: str, port: int) -> None:
        done = self.registry.call(scripts.register(instance(key, port)))
        assert done.created == self.twin.register(instance(key, port))
        assert done.revision == self.twin.revision
        assert done.lapses_at_ms - done.registered_at_ms == HOUR_S * 1000

    @rule(keys=st.lists(members, min_size=1, max_size=3))
    def renew(self, keys: list[str]) -> None:
        states = self.twin.renew(keys)
        assert self.registry.call(scripts.renew(keys)) == [bool(state) for state in states]
        assert self.registry.call(scripts.heartbeat(keys[0])) == states[0]

    @rule(key=members)
    def drain(self, key: str) -> None:
        done = self.registry.call(scripts.drain(key))
        assert (done.known, done.revision) == (self.twin.drain(key), self.twin.revision)

    @precondition(lambda self: self.twin.instances)
    @rule(worker=workers, said=st.lists(acknowledgements, min_size=1, max_size=3))
    def acknowledge(self, worker: str, said: list[tuple[str, bool, int]]) -> None:
        there = {one.instance.key: one for one in self.registry.call(scripts.snapshot()).records}
        registered = {key: one.registered_at_ms for key, one in there.items()}
        stamped = [(key, registered.get(key, 0) - (not now), n) for key, now, n in said]
        taken = self.registry.call(scripts.acknowledge(worker, HOUR_S, stamped))
        assert taken == self.twin.acknowledge(worker, said)

    @rule(key=members)
    def deregister(self, key: str) -> None:
        done = self.registry.call(scripts.deregister(key))
        assert (done.known, done.revision) == (self.twin.deregister(key), self.twin.revision)

    @rule(gateway=gateways, said=st.lists(verdicts, max_size=4))
    def report(self, gateway: str, said: list[tuple[str, str, str]]) -> None:
        reported = self.registry.call(scripts.report(gateway, HOUR_S, said))
        assert reported.new_lease == self.twin.report(gateway, said)
        assert reported.revision == self.twin.revision

    @precondition(lambda self: self.twin.instances)
    @rule(gateway=gateways, data=st.data())
    def report_of_what_is_there(self, gateway: str, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.twin.instances)))
        self.report(gateway, [(key, data.draw(verdicts)[1], "seen")])

    @rule(
        gateway=st.one_of(gateways, st.just("")),
        worker=st.one_of(workers, st.just("")),
        leaves=st.booleans(),
        url=st.sampled_from(["", "http://localhost:8080", "https://shop.example"]),
    )
    def sweep(self, gateway: str, worker: str = "", leaves: bool = False, url: str = "") -> None:
        swept = self.registry.call(
            scripts.sweep(
                gateway,
                HOUR_S,
                REMOVE_AFTER_S,
                worker=worker,
                worker_lease_s=0 if leaves else HOUR_S,
                url=url,
            )
        )
        assert swept.new_lease == self.twin.sweep(gateway, worker, leaves=leaves, url=url)
        assert swept.live_gateways == len(self.twin.gateways)
        assert swept.live_workers == len(self.twin.workers)
        assert (swept.epoch, swept.revision) == (self.epoch, self.twin.revision)

    @rule(services=st.lists(st.sampled_from(SERVICES), unique=True, min_size=1))
    def snapshot_of_some_services(self, services: list[str]) -> None:
        found = self.registry.call(scripts.snapshot(*services))
        keys = [record.instance.key for record in found.records]
        wanted = [key for key in self.twin.instances if key.partition("/")[0] in services]
        assert sorted(keys) == sorted(wanted)

    @precondition(lambda self: self.twin.instances)
    @rule(data=st.data())
    def a_lease_lapses(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.twin.instances)))
        self.registry.lapse(key)
        self.twin.lapse(key)

    @precondition(lambda self: self.twin.gateways)
    @rule(data=st.data())
    def a_gateway_dies(self, data: st.DataObject) -> None:
        gateway = data.draw(st.sampled_from(sorted(self.twin.gateways)))
        self.registry.lapse_gateway(gateway)
        self.twin.lapse_gateway(gateway)

    @precondition(lambda self: self.twin.workers)
    @rule(data=st.data())
    def a_worker_dies(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.twin.workers)))
        self.registry.client.zadd(WORKERS, {worker: LONG_AGO_MS}, xx=True)
        self.twin.lapse_worker(worker)

    @precondition(lambda self: self.unhealthy())
    @rule(data=st.data())
    def an_instance_is_unhealthy_for_too_long(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.unhealthy()))
        self.registry.outstay(key)
        self.twin.outstay(key)

    @invariant()
    def the_snapshot_is_that_of_the_twin(self) -> None:
        found = self.registry.call(scripts.snapshot())
        assert {
            record.instance.key: (
                record.instance,
                record.draining,
                record.status,
                record.lapses_at_ms <= found.now_ms,
            )
            for record in found.records
        } == {
            key: (there.instance, there.draining, there.status, there.lapsed)
            for key, there in self.twin.instances.items()
        }
        assert found.revision == self.twin.revision
        assert set(found.known) == self.twin.known
        assert set(found.removed) == self.twin.removed
        assert set(found.probation) == self.twin.probation
        assert found.live_gateways == len(self.twin.live_gateways)
        assert found.epoch == self.epoch or not self.epoch

    @invariant()
    def the_leases_are_those_of_the_twin(self) -> None:
        found = self.registry.call(scripts.snapshot())
        heartbeats_ms = self.registry.call(scripts.leases([instance(key) for key in MEMBERS]))
        ttl_ms = round(HOUR_S * 1000)
        assert {
            key: at_ms + ttl_ms <= found.now_ms for key, at_ms in heartbeats_ms.items()
        } == self.twin.leases(MEMBERS)
        assert heartbeats_ms == {
            record.instance.key: record.last_heartbeat_ms for record in found.records
        }

    @invariant()
    def the_stream_holds_every_change_in_order_without_a_gap(self) -> None:
        assert self.registry.events() == self.twin.events

    @invariant()
    def a_drain_is_as_far_as_the_twin_says(self) -> None:
        for key in MEMBERS:
            found = self.registry.call(scripts.drained(key))
            said = (found.draining, found.workers, found.missing, found.in_flight)
            assert said == self.twin.drained(key)

    @invariant()
    def what_is_said_of_an_instance_is_what_the_twin_says(self) -> None:
        for key in MEMBERS:
            found = self.registry.call(scripts.standing(key))
            states, evidence, urls = self.twin.standing(key)
            assert found.live_gateways == len(self.twin.live_gateways)
            assert found.state in states
            assert found.evidence in evidence
            assert found.gateway_url in urls

    @invariant()
    def nothing_is_left_behind_of_what_has_gone(self) -> None:
        client, there = self.registry.client, set(self.twin.instances)
        for key in (INDEX, LEASES):
            assert _texts(client.zrange(key, 0, -1)) == there
        assert _texts(client.hkeys(INSTANCES)) == there
        assert _texts(client.hkeys(STATUS)) <= there
        assert _texts(client.zrange(UNHEALTHY, 0, -1)) == set(self.unhealthy())
        assert _texts(client.hkeys(VERDICTS)) == {
            f"{gateway}|{key}" for gateway, key in self.twin.verdicts
        }
        assert {one for one in _texts(client.hkeys(META)) if one.startswith(("why ", "url "))} == {
            *(f"why {gateway}|{key}" for gateway, key in self.twin.whys),
            *(f"url {gateway}" for gateway in self.twin.urls),
        }
        assert _texts(client.hkeys(ACKS)) == {f"{worker}|{key}" for worker, key in self.twin.acks}

    def unhealthy(self) -> list[str]:
        return sorted(k for k, one in self.twin.instances.items() if one.status == "unhealthy")


def _texts(replies: Any) -> set[str]:
    return {reply.decode() for reply in replies}


def test_every_script_does_what_its_twin_does(registry: Registry) -> None:
    run_state_machine_as_test(
        lambda: RegistryAgainstTwin(registry),  # type: ignore[arg-type]
        settings=settings(
            max_examples=80,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_a_gateway_that_dies_before_it_has_spoken_does_not_hold_a_verdict_up(
    registry: Registry,
) -> None:
    """One of two gateways had found an instance unhealthy; the other died before it had probed it. The
    registry waited for the missing verdict and did not look again when that gateway was gone, so the
    instance stayed `starting` and was never removed for ill health."""
    registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    registry.call(scripts.sweep("g2", HOUR_S, REMOVE_AFTER_S))
    registry.call(scripts.register(instance()))
    registry.call(scripts.report("g1", HOUR_S, [("price/a", "unhealthy", "503")]))
    assert registry.call(scripts.snapshot()).records[0].status == "starting"

    registry.lapse_gateway("g2")
    registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    assert registry.call(scripts.snapshot()).records[0].status == "unhealthy"

    registry.outstay("price/a")
    registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    assert registry.events()[-1] == TwinEvent(3, "removed", "price/a")


def test_each_lease_is_as_long_as_was_asked_for(registry: Registry) -> None:
    short = parse_registration("price", "a", {"host": "h", "port": 1, "ttl": 1.5})
    done = registry.call(scripts.register(short))
    assert done.lapses_at_ms - done.registered_at_ms == 1500
    registry.lapse("price/a")
    registry.call(scripts.renew(["price/a"]))
    found = registry.call(scripts.snapshot())
    (record,) = found.records
    assert 1400 < record.lapses_at_ms - found.now_ms <= 1500
    assert found.now_ms - record.last_heartbeat_ms < 100


def test_a_heartbeat_in_time_saves_a_lapsed_lease_that_nobody_has_swept(
    registry: Registry,
) -> None:
    registry.call(scripts.register(instance()))
    registry.lapse("price/a")
    assert registry.call(scripts.renew(["price/a"])) == [True]
    registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    assert [event.kind for event in registry.events()] == ["registered"]


def test_after_an_outage_each_instance_has_its_lease_to_be_heard_of_again(
    registry: Registry,
) -> None:
    """Every lease lapses while heartbeats can't arrive, and the first sweep removed all instances."""
    short = parse_registration("orders", "a", {"host": "h", "port": 1, "ttl": 1})
    registry.call(scripts.register(instance()))
    registry.call(scripts.register(short))
    registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    for key in ("price/a", "orders/a"):
        registry.lapse(key)
    registry.client.hset(META, "swept", LONG_AGO_MS)

    registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    assert [event.kind for event in registry.events()] == ["registered", "registered"]

    resumed_ms = int(registry.client.hget(META, "resumed") or 0)  # type: ignore[arg-type]
    registry.client.hset(META, "resumed", resumed_ms - 1000)
    for key in ("price/a", "orders/a"):
        registry.lapse(key)
    registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    assert registry.events()[2:] == [TwinEvent(3, "expired", "orders/a")]


def test_those_that_wait_after_an_outage_keep_nobody_from_lapsing(registry: Registry) -> None:
    """Only the first 200 lapsed instances were looked at; with leases of an hour, none lapsed for an hour."""
    register_all(registry, [instance(f"price/{number}") for number in range(1500)])
    for number in range(1500):
        registry.lapse(f"price/{number}")
    registry.client.hset(META, "swept", LONG_AGO_MS)
    for _ in range(2):
        registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    short = parse_registration("stock", "a", {"host": "h", "port": 1, "ttl": 1})
    registry.call(scripts.register(short))
    registry.lapse("stock/a")
    registry.client.hincrby(META, "resumed", -1000)
    registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    assert registry.events()[-1].kind == "expired"
    assert len(registry.call(scripts.snapshot()).records) == 1500


def test_the_end_of_an_outage_removes_nobody_who_was_unhealthy_before_it(
    registry: Registry,
) -> None:
    """The instance may be well again, which its gateways could not report. If it is still ill, it goes later."""
    registry.call(scripts.register(instance()))
    registry.call(scripts.report("g1", HOUR_S, [("price/a", "unhealthy", "503")]))
    registry.outstay("price/a")
    registry.lapse_gateway("g1")
    registry.client.hset(META, "swept", LONG_AGO_MS)
    registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    assert registry.events()[-1].kind == "health_changed"

    registry.client.hincrby(META, "resumed", -round(REMOVE_AFTER_S * 1000))
    registry.call(scripts.sweep("g1", HOUR_S, REMOVE_AFTER_S))
    assert registry.events()[-1].kind == "removed"


def test_what_is_remembered_is_forgotten_after_ten_minutes(registry: Registry) -> None:
    for key in ("price/a", "orders/a"):
        registry.call(scripts.register(instance(key)))
        registry.call(scripts.deregister(key))
    now_ms = registry.call(scripts.snapshot()).now_ms
    for names, name in ((KNOWN, "price"), (REMOVED, "price/a")):
        registry.client.zadd(names, {name: now_ms - 600_000}, xx=True)
    for names, name in ((KNOWN, "orders"), (REMOVED, "orders/a")):
        registry.client.zadd(names, {name: now_ms - 590_000}, xx=True)
    registry.call(scripts.sweep("", HOUR_S, REMOVE_AFTER_S))
    found = registry.call(scripts.snapshot())
    assert set(found.known) == {"orders"}
    assert set(found.removed) == {"orders/a"}


def test_the_verdicts_of_a_dead_gateway_go_some_at_a_time(registry: Registry) -> None:
    """With ten thousand instances the registry answered nobody for 60 ms or more."""
    keys = [f"price/{number}" for number in range(3000)]
    register_all(registry, [instance(key) for key in keys])
    for gateway, verdict in (("dead", "healthy"), ("lives", "unhealthy")):
        registry.call(scripts.report(gateway, HOUR_S, [(key, verdict, "") for key in keys]))
    registry.lapse_gateway("dead")

    def healthy() -> int:
        records = registry.call(scripts.snapshot()).records
        return sum(record.status == "healthy" for record in records)

    swept = registry.call(scripts.sweep("lives", HOUR_S, REMOVE_AFTER_S))
    assert (swept.live_gateways, healthy()) == (1, 1000)
    registry.call(scripts.sweep("lives", HOUR_S, REMOVE_AFTER_S))
    assert healthy() == 0
    assert _texts(registry.client.zrange(GATEWAYS, 0, -1)) == {"lives"}
    assert len(registry.client.hkeys(VERDICTS)) == len(keys)
    assert _texts(registry.client.hkeys(META)) == {"epoch", "rev", "swept"}


def test_a_gateway_that_was_half_cleared_and_came_back_is_cleared_whole_the_next_time(
    registry: Registry,
) -> None:
    keys = [f"price/{number}" for number in range(3000)]
    register_all(registry, [instance(key) for key in keys])
    said = [(key, "healthy", "") for key in keys]
    registry.call(scripts.report("g", HOUR_S, said))
    registry.lapse_gateway("g")
    registry.call(scripts.sweep("lives", HOUR_S, REMOVE_AFTER_S))
    registry.call(scripts.report("g", HOUR_S, said))
    registry.lapse_gateway("g")
    for _ in range(2):
        registry.call(scripts.sweep("lives", HOUR_S, REMOVE_AFTER_S))
    assert registry.client.hkeys(VERDICTS) == []


def test_what_a_worker_said_of_an_earlier_drain_is_no_word_on_the_next(
    registry: Registry,
) -> None:
    """A new registration did not delete the words of a worker whose lease had ended."""
    done = registry.call(scripts.register(instance()))
    registry.call(scripts.drain("price/a"))
    said = [("price/a", done.registered_at_ms, 0)]
    registry.call(scripts.acknowledge("g1.7", HOUR_S, said))
    registry.call(scripts.register(instance()))
    registry.call(scripts.drain("price/a"))
    registry.call(scripts.sweep("", 0, REMOVE_AFTER_S, worker="g1.7", worker_lease_s=HOUR_S))
    assert registry.call(scripts.drained("price/a")).missing == 1


def test_a_snapshot_of_thousands_lacks_none_and_mixes_up_none(registry: Registry) -> None:
    """Instances are read a thousand at a time; here each has its own port and status."""
    register_all(registry, [instance(f"price/{n}", port=1 + n) for n in range(2500)])
    registry.call(scripts.report("g", HOUR_S, [("price/1500", "healthy", "200")]))
    found = registry.call(scripts.snapshot())
    assert {r.instance.key: (r.instance.port, r.status) for r in found.records} == {
        f"price/{number}": (1 + number, "healthy" if number == 1500 else "starting")
        for number in range(2500)
    }
    assert all(record.lapses_at_ms > found.now_ms for record in found.records)


def test_probation_ends_after_ten_minutes(registry: Registry) -> None:
    now_ms = registry.call(scripts.snapshot()).now_ms
    registry.client.zadd(PROBATION, {"price/a": now_ms - 600_000, "price/b": now_ms - 590_000})
    registry.call(scripts.sweep("", HOUR_S, REMOVE_AFTER_S))
    assert registry.call(scripts.snapshot()).probation == {"price/b"}


def test_probation_ends_with_the_instance_being_healthy_again_and_not_before(
    registry: Registry,
) -> None:
    """Otherwise a gateway that starts later would ask for more probes than one, for ten minutes."""
    registry.call(scripts.register(instance("price/a")))
    registry.client.zadd(PROBATION, {"price/a": registry.call(scripts.snapshot()).now_ms})
    for verdict, on_probation in (
        ("starting", {"price/a"}),
        ("unhealthy", {"price/a"}),
        ("healthy", set()),
        ("unhealthy", set()),
    ):
        registry.call(scripts.report("g", HOUR_S, [("price/a", verdict, "")]))
        assert registry.call(scripts.snapshot()).probation == on_probation


def test_a_reader_that_may_not_write_still_gets_its_snapshot(registry: Registry) -> None:
    """The first snapshot of an empty data set makes the epoch, if it can write."""
    registry.client.config_set("min-replicas-to-write", 1)
    try:
        found = registry.call(scripts.snapshot())
    finally:
        registry.client.config_set("min-replicas-to-write", 0)
    assert (found.epoch, found.revision, found.records) == ("", 0, ())


def test_a_foreign_record_is_skipped_by_every_reader_and_can_be_taken_out(
    registry: Registry,
) -> None:
    registry.call(scripts.register(instance("price/a")))
    registry.client.hset(INSTANCES, "price/x", "not ours")
    registry.client.zadd(INDEX, {"price/x": 0})
    assert [r.instance.key for r in registry.call(scripts.snapshot()).records] == ["price/a"]
    assert registry.call(scripts.renew(["price/x"])) == [False]
    assert not registry.call(scripts.drain("price/x")).known
    assert registry.call(scripts.deregister("price/x")).known
    assert registry.client.hget(INSTANCES, "price/x") is None
