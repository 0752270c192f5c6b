"""The lines of a head by their names."""

from collections.abc import Iterable, Mapping, Sequence

from middlewares.cache.entry import FieldLine

Lines = Mapping[bytes, Sequence[bytes]]
NO_LINES: Sequence[bytes] = ()


def lines_by_name(fields: Iterable[FieldLine]) -> Lines:
    """The values of each field in order, without spaces around them; names are in lower case."""
    lines: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        lower = name.lower()
        if lower in lines:
            lines[lower].append(value.strip(b" \t"))
        else:
            lines[lower] = [value.strip(b" \t")]
    return lines
