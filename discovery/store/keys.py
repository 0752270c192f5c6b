"""The names of the registry's keys: one hash tag, so that all of them live in one slot of a cluster."""

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
    """What every key of a namespace begins with."""
    return f"{{lockgate:{namespace}}}"


def registry_keys(namespace: str) -> list[str]:
    """The keys of the registry's scripts, in the order that lua/common.lua names them."""
    return [f"{tag(namespace)}:{name}" for name in KEY_NAMES]
