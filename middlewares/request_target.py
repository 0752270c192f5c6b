"""Splits request targets: the part of a request line between method and version."""


def split_target(raw_target: str) -> tuple[str | None, str]:
    """Split a request target into its authority (only absolute-form has one) and its path with query.

    RFC 9112 §3.2.2: a server accepts absolute-form from anyone, and then ignores the Host field.
    """
    if raw_target[:1] == "/":
        return None, raw_target
    scheme, separator, rest = raw_target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return None, raw_target
    cut = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    path = rest[cut:]
    return rest[:cut], path if path.startswith("/") else "/" + path
