"""The metrics of a gateway, made of those of its workers."""

from collections.abc import Sequence
from typing import Any

from discovery.base.steps import at_once
from gateway.siblings.summing.deciding.series import (
    Described,
    Family,
    Series,
    families_of,
    key_of,
    key_of_family,
    of_plain,
    to_plain,
)
from gateway.siblings.summing.deciding.sums import counters_of, summed

BEGAN_S = 1000.0


def counter(value: float, *labels: str, name: str = "requests") -> Family:
    return Family(Described(name, "counter", "About."), [Series("_total", labels, value)])


def gauge(name: str, *values: tuple[tuple[str, ...], float]) -> Family:
    return Family(
        Described(name, "gauge", "About."), [Series("", labels, value) for labels, value in values]
    )


def histogram(total_s: float, **buckets: float) -> Family:
    """`le_1=3`: so many below 1; `le_Inf` are all."""
    bounds = {name.removeprefix("le_").replace("Inf", "+Inf"): n for name, n in buckets.items()}
    series = [Series("_bucket", ("le", bound), n) for bound, n in bounds.items()]
    count = bounds["+Inf"]
    return Family(
        Described("seconds", "histogram", "About."),
        [*series, Series("_count", (), count), Series("_sum", (), total_s)],
    )


def values(
    workers: Sequence[Sequence[Family]], departed: Sequence[Family] = ()
) -> dict[tuple[Any, ...], float]:
    return {
        (family.described.name + one.suffix, *one.labels): one.value
        for family in at_once(summed(workers, departed, BEGAN_S))
        for one in family.series
    }


def test_counters_are_added_with_those_of_workers_that_have_ended() -> None:
    assert values(
        [[counter(1, "service", "a")], [counter(2, "service", "a"), counter(3, name="others")]],
        [counter(4, "service", "a"), counter(5, "service", "b")],
    ) == {
        ("requests_total", "service", "a"): 7,
        ("requests_total", "service", "b"): 5,
        ("others_total",): 3,
    }


def test_a_family_that_only_ended_workers_had_keeps_its_description() -> None:
    (family,) = at_once(summed([[]], [counter(4)], BEGAN_S))

    assert family == counter(4)


def test_histograms_are_added_bound_by_bound() -> None:
    assert values(
        [[histogram(2.5, le_1=1, le_5=2, le_Inf=2)]], [histogram(9, le_1=0, le_5=0, le_Inf=1)]
    ) == {
        ("seconds_bucket", "le", "1"): 1,
        ("seconds_bucket", "le", "5"): 2,
        ("seconds_bucket", "le", "+Inf"): 3,
        ("seconds_count",): 3,
        ("seconds_sum",): 11.5,
    }


def test_no_bucket_is_less_than_the_one_before_where_releases_have_other_bounds() -> None:
    (family,) = at_once(
        summed([[histogram(1, le_1=4, le_Inf=4)]], [histogram(1, **{"le_2.5": 1, "le_Inf": 3})], 0)
    )

    assert [(one.suffix, one.labels, one.value) for one in family.series] == [
        ("_bucket", ("le", "1"), 4),
        ("_bucket", ("le", "2.5"), 4),
        ("_bucket", ("le", "+Inf"), 7),
        ("_count", (), 7),
        ("_sum", (), 2),
    ]


def test_each_gauge_goes_its_way() -> None:
    own = [
        gauge("gateway_tunnels", (("service", "a"), 1)),
        gauge("discovery_registry_up", ((), 1)),
        gauge("discovery_view_age_seconds", ((), 0.5)),
        gauge("discovery_instances", (("status", "healthy"), 2)),
        gauge("process_start_time_seconds", ((), 2000)),
    ]
    other = [
        gauge("gateway_tunnels", (("service", "a"), 2), (("service", "b"), 3)),
        gauge("discovery_registry_up", ((), 0)),
        gauge("discovery_view_age_seconds", ((), 7.5)),
        gauge("discovery_instances", (("status", "unhealthy"), 2)),
        gauge("process_start_time_seconds", ((), 3000)),
    ]

    assert values([own, other]) == {
        ("gateway_tunnels", "service", "a"): 3,
        ("gateway_tunnels", "service", "b"): 3,
        ("discovery_registry_up",): 0,
        ("discovery_view_age_seconds",): 7.5,
        ("discovery_instances", "status", "healthy"): 2,
        ("process_start_time_seconds",): BEGAN_S,
    }


def test_what_all_workers_say_alike_is_a_siblings_where_the_asked_one_knows_nothing_yet() -> None:
    other = gauge("discovery_instances", (("status", "healthy"), 2))

    assert values([[gauge("discovery_instances")], [other]]) == {
        ("discovery_instances", "status", "healthy"): 2
    }


def test_two_releases_are_both_shown_while_one_replaces_the_other() -> None:
    info = Described("gateway_build", "info", "About.")

    assert values(
        [[Family(info, [Series("_info", ("version", version), 1)])] for version in ("1", "2", "2")]
    ) == {("gateway_build_info", "version", "1"): 1, ("gateway_build_info", "version", "2"): 1}


def test_a_sum_began_with_the_gateway() -> None:
    worker = Family(
        Described("failures", "counter", "About."),
        [Series("_total", (), 1), Series("_created", (), 4000)],
    )

    assert values([[worker], [worker]]) == {
        ("failures_total",): 2,
        ("failures_created",): BEGAN_S,
    }
    ((_, kept),) = counters_of([worker])
    assert [one.suffix for one in kept] == ["_total"]


def test_a_family_that_means_something_else_in_another_release_is_left_out() -> None:
    other = gauge("requests", ((), 5))

    assert values([[counter(1)], [other]]) == {("requests_total",): 1}


def test_families_survive_json_and_the_masters_keys() -> None:
    odd = [counter(3.5, "path", 'a "quoted"\\\n…'), histogram(1, le_1=1, le_Inf=2)]

    assert of_plain(to_plain(odd)) == odd
    kept = {key_of_family(family.described): 0.0 for family in odd}
    kept |= {
        key_of(family.described.name, one): one.value for family in odd for one in family.series
    }
    assert at_once(families_of(kept)) == odd


def test_a_counter_of_a_family_that_nobody_described_is_left_out() -> None:
    assert at_once(families_of({key_of("requests", Series("_total", (), 1)): 1})) == []


def test_a_value_that_json_has_no_number_for_is_left_out() -> None:
    plain = [["a", "gauge", "About.", [["", [], None], ["", ["of", "b"], 1]]]]

    assert of_plain(plain) == [gauge("a", (("of", "b"), 1))]
