"""What libyaml says of a file that is not YAML, in words that tell what to do."""

import yaml

from gateway.config.file.bounds import MAX_DEPTH
from gateway.config.file.decoding import end_of
from gateway.config.file.mistakes import Mistake, Position
from gateway.config.file.wording import quoted

_QUOTES = "stands in quotes"
_BESIDE = (
    "are this line and the one above indented as their neighbours are, or does something stand behind "
    "a closing quote?"
)
#: The first whose text is in the problem or its context counts.
_WORDS = {
    "scanning an alias": f'"*" begins an alias; text such as "*.example.com" {_QUOTES}',
    "scanning an anchor": f'"&" begins an anchor; text that begins with it {_QUOTES}',
    "scanning a tag": f'"!" begins a tag; text that begins with it {_QUOTES}',
    "scanning a directive": "a line that begins with % is a directive, and there are none here",
    "scanning a %": "a line that begins with % is a directive, and there are none here",
    "found unexpected end of stream": "the quote that begins here is never closed",
    "found unexpected document indicator": "the quote that begins here is never closed",
    "unknown escape character": (
        "a backslash in double quotes begins an escape such as \\n; double it, or use single quotes"
    ),
    "did not find expected hexdecimal number": "the escape in double quotes lacks its digits",
    "tab character": "a tab can't indent; use spaces",
    "mapping values are not allowed": (
        "no colon is expected here: is the line indented too far, does the one above lack the space "
        'behind its colon, or does a text with ": " lack quotes?'
    ),
    "block sequence entries are not allowed": (
        'no "- " is expected here: an item stands on a line of its own, below its key'
    ),
    "expected <document start>": "the line belongs nowhere: is it indented less than the first one?",
    "expected key": f"a key is expected here: {_BESIDE}",
    "expected '-' indicator": f'an item, "- …", is expected here: {_BESIDE}',
    "expected node content": "a value is expected here",
    "scanning a simple key": 'the key lacks its colon, or has it without the space: "key: value"',
    "exceeded maximum nesting depth": f"there are more than {MAX_DEPTH} levels",
    "scanning a block scalar": "only a number, + or - may stand behind | or >",
}
#: Problems of a text whose beginning tells more than where it was noticed.
_AT_BEGINNING = ("scanning an alias", "found unexpected end of stream", "document indicator")


def mistake_of(error: yaml.MarkedYAMLError, text: str) -> Mistake:
    """The mistake, at the place to look at, which is always within the text."""
    said = f"{error.context or ''} {error.problem or ''}"
    mark = error.problem_mark or error.context_mark
    begun = error.context_mark
    if begun is not None and any(words in said for words in _AT_BEGINNING):
        mark = begun
    last = end_of(text)
    position = last if mark is None else min(Position(mark.line + 1, mark.column + 1), last)
    return Mistake(position, "", _message(said, _character(text, position), begun))


def _message(said: str, character: str, begun: yaml.Mark | None) -> str:
    if "cannot start any token" in said:
        if character == "\t":
            return _WORDS["tab character"]
        return f"text that begins with {quoted(character)} {_QUOTES}"
    for kind, closing in (("sequence", "]"), ("mapping", "}")):
        if f"parsing a flow {kind}" in said and begun is not None:
            text = f'a comma or "{closing}" is expected here'
            where = f"for what begins in line {begun.line + 1}, column {begun.column + 1}"
            braces = f"; text with {{ }} [ ] in it {_QUOTES}" if character in set("{}[]") else ""
            return f"{text} {where}{braces}"
    return next(
        (words for part, words in _WORDS.items() if part in said),
        f"this is not YAML: {said.strip()}",
    )


def _character(text: str, position: Position) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    line = lines[position.line - 1]
    return line[position.column - 1 : position.column]
