"""What stands in a request line between method and version."""


def split_target(raw_target: str) -> tuple[str | None, str]:
    """(authority, path with query) of a request target; the authority is an absolute-form's own.

    RFC 9112 §3.2.2: a server takes absolute-form from anyone, and the Host field is then ignored.
    """
    if raw_target[:1] == "/":
        return None, raw_target
    scheme, separator, rest = raw_target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return None, raw_target
    cut = min((i for i in (rest.find("/"), rest.find("?")) if i >= 0), default=len(rest))
    path = rest[cut:]
    return rest[:cut], path if path.startswith("/") else "/" + path
