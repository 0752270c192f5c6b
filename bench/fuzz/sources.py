"""Where the fuzz's messages come from: a grammar, other projects' tests, and changes of both."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from random import Random
from typing import Protocol

from bench.fuzz import answer_readers, answers, request_readers, requests
from bench.fuzz.corpora import Corpus
from bench.fuzz.mutation import Mutations

GRAMMAR = "grammar"
CORPORA = "corpora as they are"
CHANGED = "corpora and grammar, changed"
SOURCES = (CORPORA, GRAMMAR, CHANGED)
#: A rule that is left out on trial must be found missing in so many heads.
TRIAL_HEADS = 200_000

_HOST = re.compile(rb"\nhost:", re.IGNORECASE)


class Comparison(Protocol):
    plain: int

    def difference(self, data: bytes) -> str: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Way:
    """How heads are made, taken from a corpus, and compared."""

    made: Callable[[Random], Iterator[bytes]]
    of_corpus: Callable[[Corpus], Sequence[bytes]]
    comparison: Callable[[Random], Comparison]


REQUESTS, ANSWERS = "requests", "answers"
WAYS = {
    REQUESTS: Way(
        requests.requests,
        lambda corpus: corpus.requests,
        lambda _rng: request_readers.Comparison(),
    ),
    ANSWERS: Way(answers.answers, lambda corpus: corpus.answers, answer_readers.Comparison),
}


@dataclass(slots=True)
class Count:
    """How many heads a source gave, how many were plain, and what was read differently."""

    way: str
    source: str
    heads: int = 0
    plain: int = 0
    differences: list[str] = field(default_factory=list)


_corpora: list[Corpus] = []


def use(corpora: Iterable[Corpus]) -> None:
    """Take messages from these corpora in this process."""
    _corpora[:] = corpora


def messages(way: str, source: str, seed: int) -> Iterator[bytes]:
    """The messages of a source."""
    rng = Random(f"{way} {source} {seed}")
    made = WAYS[way].made(rng)
    if source == GRAMMAR:
        return made
    found = [message for corpus in _corpora for message in WAYS[way].of_corpus(corpus)]
    if source == CORPORA:
        return iter(found)
    seeds = (*found, *map(_ordinary, found), *islice(made, 2 * len(found) + 100))
    return iter(Mutations(rng, [seed for seed in seeds if seed]))


def compare(way: str, source: str, seed: int, heads: int) -> Count:
    """Compare what the readers say of so many heads."""
    count = Count(way, source)
    with closing(WAYS[way].comparison(Random(seed))) as comparison:
        for data in islice(messages(way, source, seed), heads):
            count.heads += 1
            if wrong := comparison.difference(data):
                count.differences.append(f"{data!r}: {wrong}")
        count.plain = comparison.plain
    return count


def heads_until_difference(way: str) -> int | None:
    """After how many heads, from either source in turn, the readers differ or fail; None: they do not."""
    made = zip(messages(way, GRAMMAR, 0), messages(way, CHANGED, 0), strict=False)
    heads = chain.from_iterable(islice(made, TRIAL_HEADS // 2))
    with closing(WAYS[way].comparison(Random(0))) as comparison:
        for number, data in enumerate(heads, start=1):
            try:
                if comparison.difference(data):
                    return number
            except ValueError:
                return number
    return None


def _ordinary(message: bytes) -> bytes:
    """The message in version 1.1, with CRLF at the ends of lines and a Host; it is plain more often."""
    head, end, body = re.sub(rb"\r?\n", b"\r\n", message.lstrip()).partition(b"\r\n\r\n")
    head = re.sub(rb"HTTP/[\d.]+", b"HTTP/1.1", head, count=1)
    if not _HOST.search(head):
        head += b"\r\nHost: h"
    return head + (end or b"\r\n\r\n") + body
