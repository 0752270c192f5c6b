"""Text that a terminal shows and never obeys: logs repeat what clients and instances say.

Controls of ASCII, DEL, the C1 controls, and bidirectional and other format characters are written as
JSON escapes them, \\u202e say, so that a JSON text stays the same text.
"""

import json


def printable(text: str, *, keep: str = "") -> str:
    """The text with every character escaped that is not printable; those in `keep` stay."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else json.dumps(char)[1:-1] for char in text
    )


def printable_line(line: bytes) -> bytes:
    """The same of a line in UTF-8; nearly all are ASCII without DEL, and cost next to nothing."""
    if line.isascii() and b"\x7f" not in line:
        return line
    return printable(line.decode()).encode()
