"""The parts of `make bench ARGS=fuzz`, which itself compares millions of heads."""

import io
import tarfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from bench.fuzz import corpora, left_out, section, sources
from bench.fuzz.mutation import Mutations
from bench.fuzz.sources import ANSWERS, GRAMMAR, REQUESTS, WAYS
from bench.report import Report

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def one_corpus() -> Iterator[None]:
    sources.use([corpora.Corpus("some==1", [GET, b""], [OK])])
    yield
    sources.use([])


@pytest.mark.parametrize("way", WAYS)
def test_nobody_reads_changed_heads_differently(way: str) -> None:
    seeds = list(islice(WAYS[way].made(Random(1)), 500))
    with closing(WAYS[way].comparison(Random(2))) as comparison:
        for data in islice(Mutations(Random(3), seeds), 3_000):
            assert comparison.difference(data) == "", data
    assert comparison.plain > 200


@pytest.mark.usefixtures("one_corpus")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("source", sources.SOURCES)
def test_each_source_is_counted(way: str, source: str) -> None:
    count = sources.compare(way, source, seed=0, heads=300)

    assert (count.way, count.source, count.differences) == (way, source, [])
    assert 0 < count.plain <= count.heads <= 300


@pytest.mark.usefixtures("one_corpus")
def test_a_rule_that_is_left_out_is_found_missing_and_comes_back() -> None:
    number, what = 0, "a body as long as it says"
    assert (number, what) in left_out.rules()
    assert left_out.heads_until_found(number, what) is not None
    assert sources.compare(REQUESTS, GRAMMAR, seed=0, heads=100).differences == []


@pytest.mark.parametrize(("number", "what"), left_out.rules())
def test_each_rule_is_still_in_its_reader(number: int, what: str) -> None:
    with left_out.without(left_out.READERS[number], what):
        pass


@pytest.mark.parametrize(
    ("path", "data", "requests", "answers"),
    [
        (
            "p/tests/requests/valid/1.http",
            b"GET / HTTP/1.1\\r\\n\nHost: h\\r\\n\n\\r\\n\n",
            [GET],
            [],
        ),
        (
            "p/vendor/llhttp/test/a.md",
            b"text\n```http\nGET / HTTP/1.1\nHost: \\\nh\n\n\n```\n",
            [GET],
            [],
        ),
        (
            "p/vendor/http-parser/test.c",
            b'{.raw= "GET / HTTP/1.1\\r\\n"\n "Host: h\\r\\n\\r\\n"\n}',
            [GET],
            [],
        ),
        ("p/fuzz/afl-server-examples/1", GET, [GET], []),
        ("p/tests/test_a.py", b"A = %r, %r, 'no message'" % (GET, OK.decode()), [GET], [OK]),
        ("p/src/a.py", b"A = %r" % GET, [], []),
    ],
)
def test_messages_are_taken_from_the_files_of_a_package(
    tmp_path: Path, path: str, data: bytes, requests: list[bytes], answers: list[bytes]
) -> None:
    with tarfile.open(tmp_path / "p.tar.gz", "w:gz") as archive:
        file = tarfile.TarInfo(path)
        file.size = len(data)
        archive.addfile(file, io.BytesIO(data))

    assert corpora.read("p==1", tmp_path / "p.tar.gz") == corpora.Corpus("p==1", requests, answers)


def test_the_report_counts_each_source(capsys: pytest.CaptureFixture[str]) -> None:
    counts = [
        sources.Count(REQUESTS, GRAMMAR, 1_000, 300),
        sources.Count(REQUESTS, GRAMMAR, 1_000, 200, ["GET: the method"]),
        sources.Count(ANSWERS, GRAMMAR, 10, 5),
    ]
    report = Report()

    section.say_counts(report, counts)
    report.summary()

    said = " ".join(capsys.readouterr().out.split())
    assert "requests, grammar: GET: the method" in said
    assert "| requests | grammar | 2,000 | 500 | 1 |" in said
    assert "| 1 | MISS (≤ 0) |" in said
