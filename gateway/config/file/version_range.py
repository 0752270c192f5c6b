"""Ranges of versions."""

from typing import Annotated

from gateway.config.file.parsed import Parsed, text_of
from middlewares.version_ranges import MOST_CHARACTERS, VersionRange, parse_range


def _range(value: object) -> VersionRange:
    return parse_range(text_of(value, 'must be a range of versions, such as ">=3" or "1.2"'))


Range = Annotated[
    VersionRange,
    Parsed(
        _range,
        "range of versions",
        {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS},
    ),
]
