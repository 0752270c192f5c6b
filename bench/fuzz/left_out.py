"""Tries the fuzz itself: each rule of the plain readers is left out once, and must be found missing."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import NamedTuple

from bench.fuzz import answer_readers, request_readers
from bench.fuzz.sources import ANSWERS, REQUESTS, heads_until_difference
from gateway.forwarding import plain_answers
from gateway.front import plain_heads
from gateway.upstream import plain_bodies, response_reader

_HEADS = {
    "methods in capitals": ("(GET|", "((?:get|GET)|"),
    "known methods": ("|OPTIONS)", "|OPTIONS|CONNECT|TRACE)"),
    "a target begins with /": ("(/[!", "(/?[!"),
    "a target without #": (r"\x22\x24-", r"\x22-"),
    "a target in ASCII": (r"\x24-\x7e", r"\x24-\x7e\x80-\xff"),
    "version 1.1": (r"HTTP/1\.1", r"HTTP/1\.[01]"),
    "a line ends by CRLF": (r"%b: %b\r\n", r"%b: %b\r?\n"),
    "no space before the colon": ("A-Za-z-]++", "A-Za-z -]++"),
    "no space before a value": (r"(?![\t ])", ""),
    "no space behind a value": (r"(?<![\t ])", ""),
    "no control characters": (r"[\t\x20-\x7e", r"[\t\x0b\x0c\x20-\x7e"),
    "no DEL": (r"\x7e\x80-\xff]", r"\xff]"),
    "some fields only once": ("if kind in once:", "if False:"),
    "one Host": ("host is not None or ", ""),
    "one User-Agent": ("if user_agent is not None:", "if False:"),
    "one traceparent": ("if traceparent is not None:", "if False:"),
    "one Content-Length": ("length is not None or ", ""),
    "the syntax of Host": (" or not is_host(value):", ":"),
    "a Host": ("if host is None or ", "if "),
    "the syntax of Content-Length": (
        "content_length(value)",
        "content_length(value.strip(b'+, '))",
    ),
    "a body as long as it says": ("!= (length or 0)", "< (length or 0)"),
    "no body without a length": ("!= (length or 0)", "!= (length or 0) and length"),
    "the options of Connection": ('elif option != b"keep-alive":', "elif False:"),
    "so many elements of lists": (" or elements >= MOST_ELEMENTS", ""),
    "fields that are not plain": ("elif kind == NOT_PLAIN:", "elif False:"),
    "fields of trusted proxies": ("kind == IF_TRUSTED and trusted", "kind == IF_TRUSTED"),
    "lines that stay here": ("lines.remove(line)", "pass"),
    "lists that go on": ("head.lists = lists", "pass"),
    "the client behind a proxy": ("if kind == FORWARDED_FOR:", "if False:"),
    "the first correlation ID": ("if head.claimed_id is None:", "if True:"),
    **{
        f"{name} only once": (f'b"{name}": OTHERS_ONCE', f'b"{name}-": OTHERS_ONCE')
        for name in [
            "content-type",
            "content-location",
            "content-range",
            "etag",
            "max-forwards",
            "server",
        ]
    },
    "Expect for the parser": ("te expect ", "te "),
    "Proxy-Connection for the parser": ("proxy-connection ", ""),
    "a WebSocket of old for the parser": (" sec-websocket-key1", ""),
}
_ANSWERS = {
    "version 1.1": (r"HTTP/1\.1", r"HTTP/1\.[01]"),
    "a final status": ("[2-5][0-9]{2} ", "[1-5][0-9]{2} "),
    "a status of three digits": ("[0-9]{2} ", "[0-9]{2,3} "),
    "a line ends by CRLF": (r"*+\r\n)+", r"*+\r?\n)+"),
    "no space before the colon": ("A-Za-z-]++", "A-Za-z -]++"),
    "no control characters": (r"++:[\t\x20", r"++:[\t\x0b\x0c\x20"),
    "no DEL": (r"++:[\t\x20-\x7e\x80-\xff]", r"++:[\t\x20-\xff]"),
    "no DEL in a phrase": (r"[\t\x20-\x7e\x80-\xff]*+)\r", r"[\t\x20-\xff]*+)\r"),
    "one length": ("length is not None or ", ""),
    "a length in digits": ("not value.isdigit()", 'not value.strip(b"+").isdigit()'),
    "a length that fits": (" or len(value) > _MOST_DIGITS", ""),
    "no length with 204": ("if status != _NO_CONTENT:", "if True:"),
    "one coding": ("if chunked or value", "if value"),
    "chunked alone": ('value.strip(b" ").lower() != b"chunked"', 'b"chunked" not in value.lower()'),
    "no tab around chunked": ('value.strip(b" ").lower()', 'value.strip(b" \\t").lower()'),
    "close": ("closes = True", "pass"),
    "the options of Connection": ('elif value != b"keep-alive":', "elif False:"),
    "the idle limit": ("idle_s = idle_limit_s(value, idle_s)", "pass"),
    "fields that are decided one by one": ("careful = True", "pass"),
    "fields for the parser": ("elif what is _PARSE:", "elif False:"),
    "Proxy-Connection": ('b"proxy-connection": _PARSE', 'b"proxy-connection": _DROP'),
    "no chunks with 304": ("if chunked:\n", "if False:\n"),
    "framed in one way": ("elif chunked is (length is not None):", "elif False:"),
    "lines that stay here": ("lines.remove(line)", "pass"),
    "a Date": ("if dated and not careful", "if not careful"),
}
_BODIES = {
    "a size in hexadecimal digits": ("0-9A-Fa-f]{1,8})", "0-9A-Fa-fx]{1,8})"),
    "CRLF behind a chunk": (r'rb"\r\n([', r'rb"\r?\n?(['),
    "no extension": (r"]{1,8})\r\n", r"]{1,8})(?:;[^\r\n]*)?\r\n"),
    "no trailer": (r"0{1,8}\r\n\r\n", r"0{1,8}\r\n(?:[^\r\n]+\r\n)?\r\n"),
    "the last chunk": ("(size := int(line[1], 16))", "(size := int(line[1], 16)) is not None"),
    "surplus behind chunks": ("if last.end() == len(rest) else", "if True else"),
    "surplus behind a length": (
        "self._end.closing())\n\n\nclass Chunked",
        "self._end)\n\n\nclass Chunked",
    ),
}


class Reader(NamedTuple):
    """A reader's module, the module that uses it, and its rules: a piece of its source, and what is put there."""

    way: str
    module: ModuleType
    user: ModuleType
    rules: Mapping[str, tuple[str, str]]


READERS = (
    Reader(REQUESTS, plain_heads, request_readers, _HEADS),
    Reader(ANSWERS, plain_answers, answer_readers, _ANSWERS),
    Reader(ANSWERS, plain_bodies, response_reader, _BODIES),
)


def rules() -> list[tuple[int, str]]:
    """The number of a reader, and the name of a rule."""
    return [(number, what) for number, reader in enumerate(READERS) for what in reader.rules]


def heads_until_found(number: int, what: str) -> int | None:
    """After how many heads a rule is found missing; None: it is not."""
    reader = READERS[number]
    with without(reader, what):
        return heads_until_difference(reader.way)


@contextmanager
def without(reader: Reader, what: str) -> Iterator[None]:
    """Let the user of a reader have one without this rule."""
    piece, instead = reader.rules[what]
    if not str(reader.module.__file__).endswith(".py"):
        raise ValueError(
            f"{reader.module.__name__} is compiled: a rule can be left out of source alone"
        )
    source = inspect.getsource(reader.module)
    if piece not in source:
        raise ValueError(f"{reader.module.__name__} has no {piece!r} any more: {what}")
    altered = ModuleType(reader.module.__name__)
    exec(source.replace(piece, instead, 1), vars(altered))
    of_reader = {
        name: value
        for name, value in vars(reader.user).items()
        if getattr(value, "__module__", "") == reader.module.__name__
    }
    for name in of_reader:
        setattr(reader.user, name, getattr(altered, name))
    try:
        yield
    finally:
        for name, value in of_reader.items():
            setattr(reader.user, name, value)
