"""How many bytes of memory a kept answer takes, with all that Python and the store need beside its body.

CPython's sizes on a 64-bit machine, rounded up as its allocator does;
tests/unit/middlewares/cache/stores/test_sizes.py holds them against what `tracemalloc` sees.
"""

from dataclasses import replace

from middlewares.cache.entry import Entry

#: A bytes object without its bytes: its head, and half of what rounding up to 16 adds.
BYTES = 33 + 8
#: A line of fields: the pair, its place in the list, and the two heads.
FIELD = 56 + 8 + 2 * BYTES
#: A piece of the body: its place in the list and its head.
PIECE = 8 + BYTES
#: A tag: its head, its place in the set, and its place in the index.
TAG = BYTES + 64 + 104
#: Entry, its Freshness with the numbers in it, its tuples and its URL's head and place in the index.
ENTRY = 144 + 96 + 5 * 32 + 2 * 40 + 2 * BYTES + 104
#: The place of an answer among others under its key.
VARIANT = 104
#: A key with its place in the store and in a queue, and the table of its variants.
KEY = 104 + 104 + 48 + 232 + BYTES


def entry_bytes(secondary: bytes, entry: Entry) -> int:
    """What one answer takes."""
    fields = entry.fields
    size = ENTRY + entry.length + len(entry.pieces) * PIECE + len(fields) * FIELD
    size += len(secondary) + len(entry.url) + len(entry.phrase) + len(entry.ready_lines)
    for validator in (entry.etag, entry.last_modified):
        if validator:
            size += BYTES + len(validator)
    for name, value in fields:
        size += len(name) + len(value)
    if entry.tags:
        size += 216 + sum(map(len, entry.tags)) + len(entry.tags) * TAG
    return size


def compact(entry: Entry) -> Entry:
    """Join the pieces of a body that came in so small ones that their heads would take a fourth of it."""
    pieces = entry.pieces
    if len(pieces) < 2 or len(pieces) * PIECE * 4 < entry.length:
        return entry
    return replace(entry, pieces=(b"".join(pieces),))


def key_bytes(key: bytes, vary: tuple[bytes, ...]) -> int:
    """What a primary key takes beside its answers."""
    return KEY + len(key) + len(vary) * PIECE + sum(map(len, vary))
