"""Correlation IDs: takes a client's ID if it is well-formed, and makes new ones."""

import random
import re

from middlewares.header_section import without_keys

HEADER = "X-Correlation-ID"

_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}")
#: Seeded once by the system: IDs must differ but need not be secret, and uuid4 costs ten times as much.
_generator = random.Random()


def correlation_id_from(claimed: str | None) -> str:
    """The client's ID if it is well-formed and no API key, else a new one of 32 hexadecimal digits."""
    if claimed is not None and _ACCEPTED.fullmatch(claimed) and without_keys(claimed) == claimed:
        return claimed
    return f"{_generator.getrandbits(128):032x}"
