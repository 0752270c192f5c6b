"""Edits a head's lines by rules, without taking apart the lines that no rule is about."""

from middlewares.head_changes import FieldEdits, as_read, edited_each

_END = b"\r\n"


def edited_lines(
    lines: bytes, edits: FieldEdits, marks: tuple[bytes, ...], *, cgi: bool = False
) -> bytes:
    """The lines as rules make them, with a CRLF between two; `marks` are those of the edits.

    `cgi`: names with `_` are those with `-`, as CGI and WSGI read them.
    """
    spans = _spans(lines, marks) if marks else []
    if not spans:
        return lines + appended(edits)
    parts = [lines[begin:end].partition(b":") for begin, end in spans]
    fields = [(name, value) for name, _, value in parts]
    made, rest = edited_each(fields, edits, as_read if cgi else bytes.lower)
    pieces: list[bytes] = []
    at = 0
    for (begin, end), before, after in zip(spans, fields, made, strict=True):
        if after is before:
            continue
        pieces.append(lines[at:begin])
        if after is not None:
            name, value = after
            pieces.append(b"%b:%b" % after if value is before[1] else b"%b: %b" % (name, value))
            at = end
        elif begin:
            # The line goes with the CRLF before it.
            pieces[-1] = pieces[-1].removesuffix(_END)
            at = end
        else:
            at = min(end + len(_END), len(lines))
    pieces.append(lines[at:])
    whole = b"".join(pieces).removeprefix(_END)
    new = b"".join([b"\r\n%b: %b" % field for field in rest])
    return whole + new if whole else new.removeprefix(_END)


def appended(edits: FieldEdits) -> bytes:
    """The lines that the edits put behind all others, each with a CRLF before it."""
    return b"".join([b"\r\n%b: %b" % field for field in (*edits.placed.values(), *edits.added)])


def _spans(lines: bytes, marks: tuple[bytes, ...]) -> list[tuple[int, int]]:
    """Where the lines with these marks begin and end, in their order."""
    # Each byte stands where it stood, behind the CRLF.
    searched = b"\r\n%b\r\n" % lines.lower().replace(b"_", b"-")
    spans: list[tuple[int, int]] = []
    for mark in marks:
        at = searched.find(mark)
        while at >= 0:
            end = searched.index(_END, at + 2)
            spans.append((at, end - 2))
            at = searched.find(mark, end)
    spans.sort()
    return spans
