"""The names of the registry's keys: they share a hash tag, and so one slot of a cluster."""

KEY_NAMES = (
    "meta",
    "instances",
    "index",
    "leases",
    "verdicts",
    "status",
    "unhealthy",
    "gateways",
    "known",
    "removed",
    "workers",
    "acks",
    "probation",
    "events",
)


def tag(namespace: str) -> str:
    """The hash tag that every key of a namespace begins with."""
    return f"{{lockgate:{namespace}}}"


def registry_keys(namespace: str) -> list[str]:
    """The keys of the registry's scripts, in the order of lua/common.lua."""
    return [f"{tag(namespace)}:{name}" for name in KEY_NAMES]
