"""Parses nginx's syntax into directives with their lines.

The parser is our own: `crossplane`, the library for it, gives no columns, recurses as deep as a file
nests, and reads whatever files `include` names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.cli.importing.model import Place, Unreadable

MAX_DEPTH = 32
MAX_DIRECTIVES = 20_000
_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    |(?P<mark>[{};])
    |(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<bare>(?:\$\{[^{};\s]*\}|\\.|[^\s{};"'\\])(?:\$\{[^{};\s]*\}|\\.|[^\s{};\\])*)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"""\\(["'\\trn])""")
_ESCAPED = {"t": "\t", "r": "\r", "n": "\n"}
#: Blocks of another language; what is in them is left out as a whole.
_FOREIGN = "_by_lua_block"
_BRACE = re.compile(r"""[{}]|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|--[^\n]*""")


@dataclass(slots=True)
class Directive:
    """A directive; `block` is None unless it has one, which ends in `last_line`."""

    name: str
    place: Place
    args: list[str] = field(default_factory=list)
    block: list["Directive"] | None = None
    last_line: int = 0

    def __str__(self) -> str:
        """The directive in short, on one line."""
        words = " ".join([self.name, *self.args])
        if self.block is None:
            return words
        lines = self.last_line - self.place.line
        return f"{words} {{…}}{f' (to line {self.last_line})' if lines > 0 else ''}"


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    place: Place
    is_mark: bool
    end: int


def parse(text: str, file: str) -> list[Directive]:
    """The directives of a file, `include` among them. Unreadable: it is not nginx's syntax."""
    top: list[Directive] = []
    opened: list[Directive] = []
    words: list[_Token] = []
    count = 0
    tokens = _Tokens(text, file)
    for token in tokens:
        if not token.is_mark:
            words.append(token)
            continue
        if token.text == "}":
            if words:
                raise Unreadable(words[0].place, f'"{words[0].text[:40]}" lacks a ";" at its end')
            if not opened:
                raise Unreadable(token.place, 'this "}" has no "{"')
            opened.pop().last_line = token.place.line
            continue
        if not words:
            raise Unreadable(token.place, f'there is no directive before "{token.text}"')
        one = Directive(words[0].text, words[0].place, [word.text for word in words[1:]])
        (opened[-1].block if opened and opened[-1].block is not None else top).append(one)
        words = []
        count += 1
        if count > MAX_DIRECTIVES:
            raise Unreadable(token.place, f"there are more than {MAX_DIRECTIVES:,} directives")
        if token.text == "{":
            one.block = []
            if one.name.endswith(_FOREIGN):
                one.last_line = tokens.skip_block(token)
                continue
            opened.append(one)
            if len(opened) > MAX_DEPTH:
                raise Unreadable(token.place, f"there are more than {MAX_DEPTH} levels")
    if words:
        raise Unreadable(words[0].place, f'"{words[0].text[:40]}" lacks a ";" at its end')
    if opened:
        raise Unreadable(opened[-1].place, f'the "{{" of "{opened[-1].name[:40]}" is not closed')
    return top


class _Tokens:
    """Iterates over the words and marks of a text."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._at = 0
        self._line = 1
        self._line_begins = 0

    def __iter__(self) -> Iterator[_Token]:
        while self._at < len(self._text):
            place = Place(self._file, self._line, self._at - self._line_begins + 1)
            found = _TOKEN.match(self._text, self._at)
            if found is None:
                char = self._text[self._at]
                wrong = "this quote is not closed" if char in "\"'" else "a backslash ends the file"
                raise Unreadable(place, wrong)
            self._go_to(found.end())
            if found.lastgroup == "mark":
                yield _Token(found[0], place, True, found.end())
            elif found.lastgroup != "space":
                word = found[0][1:-1] if found.lastgroup == "quoted" else found[0]
                yield _Token(_ESCAPE.sub(_unescaped, word), place, False, found.end())

    def skip_block(self, opening: _Token) -> int:
        """Go behind the "}" that ends the block, and return its line."""
        depth = 1
        for brace in _BRACE.finditer(self._text, opening.end):
            depth += {"{": 1, "}": -1}.get(brace[0], 0)
            if depth == 0:
                self._go_to(brace.end())
                return self._line
        raise Unreadable(opening.place, 'this "{" is not closed')

    def _go_to(self, end: int) -> None:
        lines = self._text.count("\n", self._at, end)
        if lines:
            self._line += lines
            self._line_begins = self._text.rfind("\n", self._at, end) + 1
        self._at = end


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPED.get(found[1], found[1])
