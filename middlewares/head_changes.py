"""What the layers change in the head that goes to an instance."""

from collections.abc import Mapping
from typing import NamedTuple

_NOTHING: Mapping[bytes, bytes] = {}


class HeadChanges(NamedTuple):
    """Fields that are taken out, then replaced, then added.

    Names are in lower case. A name with `_` is taken out as the same one with `-` is: CGI and WSGI read both
    as one variable. `replaced` has the new value of every such field together; only the first of its name
    stays. `added` are lines, each with its CRLF.
    """

    removed: frozenset[bytes] = frozenset()
    replaced: Mapping[bytes, bytes] = _NOTHING
    added: bytes = b""
