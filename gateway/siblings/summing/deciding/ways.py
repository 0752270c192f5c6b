"""How one number is made of those of all workers, for each metric.

Counters and histograms are added up, so that a sum is never less than it was before. What a gauge says of
the gateway is a matter of the gauge, so each one is named here; a test fails for one that is not.
"""

from enum import Enum


class Way(Enum):
    """What becomes of the values that workers have under the same labels."""

    SUM = "sum"
    MAX = "greatest"
    MIN = "least"
    #: Those of one worker, all its labels together: the asked one's, if it has any.
    ONE = "one"
    #: When the gateway began, however often its workers were replaced since.
    BEGAN = "began"


_ADDED_UP = frozenset(["counter", "histogram", "summary"])

GAUGES = {
    # Each connection and each request is one worker's.
    "gateway_client_connections": Way.SUM,
    "gateway_limit_reserved": Way.SUM,
    "gateway_mirror_in_flight": Way.SUM,
    "gateway_requests_in_flight": Way.SUM,
    "gateway_tunnels": Way.SUM,
    "gateway_upstream_connections": Way.SUM,
    # Each worker has memory of its own. Pages that they share count more than once.
    "gateway_cache_bytes": Way.SUM,
    "gateway_cache_entries": Way.SUM,
    "gateway_parts_held_bytes": Way.SUM,
    "process_resident_memory_bytes": Way.SUM,
    "process_virtual_memory_bytes": Way.SUM,
    # The worst of them, which is what an alert is for.
    "discovery_registry_up": Way.MIN,
    "discovery_registry_writable": Way.MIN,
    "discovery_view_age_seconds": Way.MAX,
    "gateway_acme_certificate_ends_in_seconds": Way.MIN,
    "gateway_acme_failures": Way.MAX,
    "gateway_background_running": Way.MIN,
    "gateway_breaker_state": Way.MAX,
    "gateway_cache_redis_up": Way.MIN,
    "gateway_ejected_instances": Way.MAX,
    "gateway_openapi_age_seconds": Way.MAX,
    "lockgate_config_last_reload_success_timestamp_seconds": Way.MIN,
    "lockgate_config_last_reload_successful": Way.MIN,
    # The limit is each process's own, so that the fullest one counts.
    "process_max_fds": Way.MIN,
    "process_open_fds": Way.MAX,
    # All workers say the same, but for the moment of a change.
    "discovery_instances": Way.ONE,
    "gateway_split_weight": Way.ONE,
    # In a roll to another release, both.
    "gateway_build": Way.MAX,
    "process_start_time_seconds": Way.BEGAN,
}


def way_of(family: str, kind: str) -> Way:
    """The way of a family of this Prometheus type; a gauge that is not named goes by its worst value."""
    return Way.SUM if kind in _ADDED_UP else GAUGES.get(family, Way.MAX)


def is_added_up(kind: str) -> bool:
    """Whether values of this type go on after their worker has ended."""
    return kind in _ADDED_UP
