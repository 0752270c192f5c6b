"""The field that makes browsers ask by https alone (RFC 6797)."""

NAME = "Strict-Transport-Security"


class StrictTransport:
    """What is set now; the value is empty where it is not set."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = ""


def value_of(max_age_s: float, *, include_subdomains: bool, preload: bool) -> str:
    """The field's value."""
    parts = [f"max-age={int(max_age_s)}"]
    if include_subdomains:
        parts.append("includeSubDomains")
    if preload:
        parts.append("preload")
    return "; ".join(parts)
