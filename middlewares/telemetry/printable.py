"""Makes text safe for terminals, because logs repeat what clients and instances send.

ASCII controls, DEL, C1 controls, bidirectional and other format characters become JSON escapes such as
\\u202e, so that a JSON text keeps its meaning.
"""

import json

_DELETE = 0x7F


def printable(text: str, *, keep: str = "") -> str:
    """Escape every character that is not printable, except those in `keep`."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else json.dumps(char)[1:-1] for char in text
    )


def printable_line(line: bytes) -> bytes:
    """Escape a line in UTF-8; nearly all lines are ASCII without DEL and cost next to nothing."""
    if line.isascii() and _DELETE not in line:
        return line
    return printable(line.decode()).encode()
