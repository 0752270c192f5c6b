"""What becomes of a path: proxy_pass with a URI, rewrites and redirects of the simple kind."""

import re
from typing import NamedTuple

from gateway.cli.importing.model import Value
from gateway.cli.importing.values import host_of, path_of, prefix_of

_LITERAL = r"(?:[A-Za-z0-9_~!&',=:@/-]|\\[.+*?()$^|-])*"
#: ^/old/(.*)$, ^/old(/.*)?$, ^/old/?(.*)$ and the like
_BEGINS = re.compile(
    rf"\^?(?P<literal>{_LITERAL}?)(?P<optional>/\?)?(?P<rest>\((?P<slash>/?)\.[*+]\)\??)\$?"
)
_WHOLE = re.compile(rf"\^(?P<literal>{_LITERAL}?)(?P<optional>/\?)?\$")
_ESCAPE = re.compile(r"\\(.)")
_TARGET = re.compile(
    r"(?:(?P<scheme>https?|\$scheme)://(?P<host>\$(?:host|http_host|server_name)|[^/$:?]+)(?::(?P<port>[0-9]{1,5}))?)?"
    r"(?P<path>/[^$?]*)?(?P<rest>\$request_uri|\$uri(?:\$is_args\$args)?|\$1)?(?P<query>\?\S*|\$is_args\$args)?"
)
_PORTS = {"http": 80, "https": 443}


class Pattern(NamedTuple):
    """What a simple regular expression matches: a path, or one and what is below it."""

    literal: str
    whole: bool
    #: $1 begins with the slash that the literal ends with.
    slash_in_group: bool = False

    def target(self, replacement: str) -> str:
        """The replacement as it would be with the slash outside of the group."""
        return replacement.replace("$1", "/$1") if self.slash_in_group else replacement


class Outcome(NamedTuple):
    """A value of our file, and how it differs from nginx; "" if it does not."""

    value: dict[str, Value]
    difference: str = ""


def pattern_of(expression: str) -> Pattern | None:
    """The pattern, if it is nothing but a literal, with `(.*)` at its end or not."""
    if found := _WHOLE.fullmatch(expression):
        literal = _ESCAPE.sub(r"\1", found["literal"])
        return Pattern(literal, True) if path_of(literal) else None
    found = _BEGINS.fullmatch(expression)
    if found is None or (found["literal"] and not expression.startswith("^")):
        return None
    slash = "/" if found["optional"] or found["slash"] else ""
    literal = _ESCAPE.sub(r"\1", found["literal"]) + slash
    return Pattern(literal, False, bool(found["slash"])) if path_of(literal or "/") else None


def replaced(location: str, whole: bool, uri: str) -> Outcome | None:
    """The rewrite that puts `uri` in place of what the location matches, as proxy_pass does."""
    if path_of(uri) is None:
        return None
    if whole:
        return Outcome({} if uri == location else {"path": uri})
    old, new = prefix_of(location), prefix_of(uri)
    if old is None or new is None:
        return None
    difference = ""
    if location != "/" and location.endswith("/") != uri.endswith("/"):
        rest = "/x" if not location.endswith("/") else "x"
        difference = f"nginx makes {uri}{rest} of {location}{rest}, Lockgate {new.rstrip('/')}/x"
    elif location == "/" and not uri.endswith("/"):
        difference = f"nginx makes {uri}x of /x, Lockgate {uri}/x"
    if new == old:
        return Outcome({}, difference)
    return Outcome({"strip": old} if new == "/" else {"prefix": new}, difference)


def redirected(target: str, status: int, matched: str, whole: bool) -> Outcome | None:
    """The redirect to a target as `return` and `rewrite` name it.

    `$1` stands for what is behind the matched prefix, `$request_uri` for the whole path.
    """
    found = _TARGET.fullmatch(target)
    if found is None or not target:
        return None
    value: dict[str, Value] = {}
    differences = []
    if (scheme := found["scheme"]) and scheme != "$scheme":
        value["scheme"] = scheme
    if (host := found["host"]) and not host.startswith("$"):
        if host_of(host) is None or "*" in host:
            return None
        value["host"] = host_of(host)
    if found["port"]:
        if not 0 < int(found["port"]) < 65536:
            return None
        value["port"] = int(found["port"])
    elif "scheme" in value:
        value["port"] = _PORTS[str(value["scheme"])]
    elif host:
        differences.append("the request's port stays")
    if not _put_path(value, found, matched, whole):
        return None
    if not value:
        return None
    if found["query"] and found["query"] not in ("$is_args$args", "?"):
        return None
    if not found["rest"] and not found["query"]:
        differences.append("the request's query stays")
    return Outcome({**value, "status": status}, "; ".join(differences))


def _put_path(value: dict[str, Value], found: re.Match[str], matched: str, whole: bool) -> bool:
    path, rest = found["path"] or "", found["rest"]
    if rest is None:
        if not path and value:  # http://host alone
            path = "/"
        if path_of(path) is None or not path:
            return False
        value["path"] = path
        return True
    if path and prefix_of(path) is None:
        return False
    before = (prefix_of(path) or "/").rstrip("/")
    if rest != "$1":
        if not before:
            return True  # the path stays
        at = "" if matched == "/" else matched.rstrip("/")
        value["path" if whole else "prefix"] = f"{before}{at}"
        return True
    if whole or path.endswith("/") != matched.endswith("/"):
        return False
    value["prefix"] = before or "/"
    if prefix_of(matched) == value["prefix"]:
        del value["prefix"]
    return True
