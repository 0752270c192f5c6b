"""Words that several messages share: quoted text, and the name that was probably meant."""

import difflib
import json
import re
from collections.abc import Collection, Iterable

from middlewares.telemetry.printable import printable

#: Longer text is cut off in messages.
_SHOWN_CHARACTERS = 80
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


def in_one_line(text: str) -> str:
    return printable(text)


def quoted(text: str) -> str:
    """The text in double quotes, without line breaks, and cut off where it is long."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
    return json.dumps(cut, ensure_ascii=False)


def quoted_list(texts: Iterable[str]) -> str:
    return ", ".join(map(quoted, texts))


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that was probably meant; empty if none is like it."""
    by_case = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower()[:_SHOWN_CHARACTERS], by_case, n=1)
    return by_case[close[0]] if close else ""


def or_nearest(name: str, known: Collection[str], otherwise: str = "") -> str:
    """The end of a message about an unknown name: the name that was meant, or `otherwise`."""
    near = nearest(name, known)
    return f"; did you mean {quoted(near)}?" if near else otherwise


def spelled(path: Iterable[str | int]) -> str:
    """A path as people write it: `routes[2].match.headers.X-Plan`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{quoted(part)}]"
    return text
