"""Decides where a browser goes after its log-in: to a path of the same host, and nowhere else."""

import re
from typing import Final
from urllib.parse import quote

#: A longer target is not kept, and the browser goes to the root.
MOST_CHARACTERS: Final = 2048
#: Own paths of log-ins, to which nobody returns.
OWN: Final = "/oidc/"
ROOT: Final = "/"

#: One slash, and then no second one: browsers read `//host` and `/\\host` as another host.
_OWN_HOST = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
#: What may stand unescaped in a path with a query (RFC 3986 §3.3 and §3.4), and `%`.
_KEPT = "/?:@!$&'()*+,;=-._~%[]|"


def return_target(target: str) -> str:
    """The path and query to return to after a log-in that began at this request target.

    It is safe as a Location: it begins with one slash and has printable ASCII alone.
    """
    escaped = quote(target, safe=_KEPT, errors="surrogateescape")
    # A cookie holds it as it is escaped.
    if len(escaped) > MOST_CHARACTERS or not is_safe(escaped) or escaped.startswith(OWN):
        return ROOT
    return escaped


def is_safe(target: str) -> bool:
    """Whether every browser takes this Location for a path on the host that it comes from."""
    return _OWN_HOST.fullmatch(target) is not None
