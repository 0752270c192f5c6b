"""The scenarios: what there is, the fault, and what may come of it. One list, one runner."""

from dataclasses import dataclass, field

from bench.chaos import acts
from bench.chaos.acts import Act
from bench.chaos.outcome import Bar
from bench.chaos.world import Shape


@dataclass(frozen=True, slots=True)
class Scenario:
    """`did` may hold {s} and {n}: the seconds, and the number of instances.

    `short_instances` is for the short form, which needs fewer.
    """

    name: str
    did: str
    act: Act
    short_s: float
    full_s: float
    shape: Shape = field(default_factory=Shape)
    short_instances: int | None = None
    bar: Bar = field(default_factory=Bar)
    breaks_registry: bool = False
    #: Requests a second; every second one is a POST.
    per_s: float = 200


#: HAProxy loses 13 POSTs to an instance that hangs.
HANG = Bar(posts=12, none_after_s=0.5)
#: A gateway that judges instances by real requests (docs/outliers.md). Of nginx, HAProxy and Envoy, nginx had
#: fewest slow answers: 18.
JUDGED_HANG = Bar(posts=2)
JUDGED = Bar(gets=1, posts=1, learns=True)
JUDGED_SLOW = Bar(slow=15)
OUTAGE = Bar(peak=1.2)

SCENARIOS = [
    Scenario(
        "instances killed", "kill -9 of 2 of {n} instances over {s} s", acts.kill_instances, 3, 20
    ),
    Scenario(
        "killed over and over",
        "kill -9 of 1 of {n} instances, each 2.2 s for {s} s",
        acts.kill_one_after_another,
        3,
        20,
    ),
    Scenario(
        "instance hangs",
        "SIGSTOP of 1 of {n} instances for {s} s",
        acts.hang_instance,
        3,
        20,
        bar=HANG,
    ),
    Scenario(
        "hang and churn",
        "SIGSTOP of 1 of {n} instances for {s} s, while others come and go",
        acts.hang_while_others_come_and_go,
        3,
        20,
        bar=HANG,
    ),
    Scenario(
        "registry killed",
        "kill -9 of the registry, back after {s} s with its data",
        acts.kill_registry,
        3,
        60,
        Shape(durable=True),
        breaks_registry=True,
    ),
    Scenario(
        "registry restarted empty",
        "kill -9 of the registry, back after {s} s without data",
        acts.kill_registry,
        0.5,
        10,
        breaks_registry=True,
    ),
    Scenario(
        "registry hangs",
        "SIGSTOP of the registry for {s} s",
        acts.hang_registry,
        3,
        30,
        breaks_registry=True,
    ),
    Scenario(
        "registry slow",
        "a registry that answers after 2 s, for {s} s",
        acts.slow_registry,
        4,
        30,
        Shape(slow_proxy=True),
        breaks_registry=True,
    ),
    Scenario("registry flushed", "FLUSHALL, and {s} s", acts.flush, 2, 20, breaks_registry=True),
    Scenario(
        "partly refilled",
        "FLUSHALL, then another service registers first, and {s} s",
        acts.flush_and_another_first,
        2,
        20,
        breaks_registry=True,
    ),
    Scenario(
        "failover",
        "kill -9 of the master, Sentinel promotes a replica, and {s} s",
        acts.fail_over,
        3,
        20,
        Shape(sentinel=True),
        breaks_registry=True,
    ),
    Scenario(
        "storm of restarts",
        "{n} instances restart at random for {s} s, half of them killed",
        acts.restart_at_random,
        5,
        60,
        Shape(instances=100),
        short_instances=10,
    ),
    Scenario(
        "crash and stop",
        "kill -9 of 1 of {n} instances, back under a new id, then stopped, over and over for {s} s",
        acts.crash_and_stop,
        3,
        30,
        Shape(instances=4),
    ),
    Scenario(
        "clock steps back",
        "the clock of 1 of {n} instances steps back an hour",
        acts.step_a_clock,
        2,
        20,
    ),
    Scenario(
        "gateway killed",
        "kill -9 of 1 of 2 gateways, back after {s} s",
        acts.kill_gateway,
        1.5,
        10,
        Shape(gateways=2),
    ),
    Scenario(
        "gateway replaced",
        "the gateway replaced while the registry is away",
        acts.replace_gateway_without_registry,
        1,
        10,
        breaks_registry=True,
    ),
    Scenario(
        "idle connections closed",
        "{n} instances that hang up at the worst moment, for {s} s",
        acts.keep_on,
        3,
        30,
        Shape(closes_idle_after_s=0.03),
    ),
    Scenario(
        "descriptors used up",
        "idle clients take all of a gateway's 512 descriptors for {s} s",
        acts.use_up_descriptors,
        3,
        90,
        Shape(descriptors=512),
        bar=Bar(served_within_s=2.0),
    ),
    Scenario(
        "judged: hangs",
        "SIGSTOP of 1 of {n} instances for {s} s",
        acts.hang_instance,
        3,
        20,
        Shape(judges=True),
        bar=JUDGED_HANG,
    ),
    Scenario(
        "judged: slow",
        "1 of {n} instances answers 2 s later for {s} s",
        acts.misbehave,
        5,
        20,
        Shape(fault="slow", judges=True),
        bar=JUDGED_SLOW,
    ),
    Scenario(
        "judged: some fail",
        "1 of {n} instances answers 500 to 30 % of requests for {s} s",
        acts.misbehave,
        5,
        20,
        Shape(fault="some fail", judges=True),
        bar=JUDGED,
    ),
    Scenario(
        "judged: all fail",
        "1 of {n} instances answers 500 to all requests for {s} s, and 200 to probes",
        acts.misbehave,
        5,
        20,
        Shape(fault="all fail", judges=True),
        bar=JUDGED,
    ),
    Scenario(
        "judged: resets",
        "1 of {n} instances resets every connection for {s} s, but those of probes",
        acts.misbehave,
        5,
        20,
        Shape(fault="resets", judges=True),
        bar=JUDGED,
    ),
    Scenario(
        "judged: outage",
        "all of {n} instances answer 500 to all requests for {s} s",
        acts.all_misbehave,
        3,
        30,
        Shape(fault="all fail", judges=True),
        bar=OUTAGE,
        per_s=500,
    ),
]
