"""What an upstream of nginx says of balancing, in our words."""

import re

from gateway.cli.importing.model import Value
from gateway.cli.importing.nginx.syntax import Directive

_CLIENT = frozenset(["$remote_addr", "$binary_remote_addr"])
_HEADER = re.compile(r"\$http_([a-z0-9_]+)")
_COOKIE = re.compile(r"\$cookie_([A-Za-z0-9_]+)")


def balance_of(directive: Directive) -> Value:
    """The value of `services.NAME.balance.by`; None: the directive is another one, or has no counterpart."""
    if directive.name == "least_conn":
        return "least_request"
    if directive.name == "ip_hash":
        return {"hash": "client"}
    if directive.name != "hash" or not directive.args:
        return None
    key = directive.args[0]
    if key in _CLIENT:
        return {"hash": "client"}
    if header := _HEADER.fullmatch(key):
        return {"hash": {"header": header[1].replace("_", "-").title()}}
    if cookie := _COOKIE.fullmatch(key):
        return {"hash": {"cookie": cookie[1]}}
    return None
