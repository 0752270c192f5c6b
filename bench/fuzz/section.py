"""`make bench ARGS=fuzz`: makes very many heads, and compares what several readers say of each."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter

from bench.fuzz import sources
from bench.fuzz.corpora import Corpus, corpora
from bench.fuzz.left_out import READERS, heads_until_found, rules
from bench.fuzz.sources import CHANGED, CORPORA, GRAMMAR, WAYS, Count
from bench.peers.peer import WHEELS
from bench.report import Bar, Report
from bench.stage import Stage

#: For each way; the corpora as they are come on top.
HEADS = 10_000_000
QUICK_HEADS = 400_000
#: The heads of one task.
TASK_HEADS = 100_000
#: So many differences are shown of each source.
SHOWN = 5

READ_DIFFERENTLY = Bar("heads that the readers of plain heads and the parsers read differently", 0)
NOT_FOUND = Bar(f"rules that were left out on trial, not found in {sources.TRIAL_HEADS:,} heads", 0)


def run(stage: Stage) -> None:
    compare_all(
        stage.report,
        heads=QUICK_HEADS if stage.quick else HEADS,
        cores={stage.load_core, stage.proxy_core},
    )


def compare_all(report: Report, heads: int, cores: set[int]) -> None:
    """Compare so many requests and as many answers, with a process for each core."""
    report.title(f"Heads read by several readers, {heads:,} requests and as many answers")
    started = perf_counter()
    found = _fetched(report)
    with ProcessPoolExecutor(
        len(cores), get_context("spawn"), initializer=_begin, initargs=(cores, found)
    ) as pool:
        tasks = list(_tasks(heads))
        counts = pool.map(sources.compare, *zip(*tasks, strict=True))
        say_counts(report, _with_progress(report, counts, len(tasks)))
        _say_rules(report, pool.map(heads_until_found, *zip(*rules(), strict=True)))
    report.say(f"It took {perf_counter() - started:.0f} s in {len(cores)} processes.")


def _begin(cores: set[int], found: list[Corpus]) -> None:
    os.sched_setaffinity(0, cores)
    sources.use(found)


def _fetched(report: Report) -> list[Corpus]:
    found = list(corpora(WHEELS / "fuzz-corpora"))
    report.table(
        ("corpus", "requests", "answers"),
        [(one.package, str(len(one.requests)), str(len(one.answers))) for one in found],
    )
    if missing := [one.package for one in found if not (one.requests or one.answers)]:
        report.say(f"These can't be fetched here, and are left out: {', '.join(missing)}.")
    return found


def _tasks(heads: int) -> Iterator[tuple[str, str, int, int]]:
    for way in WAYS:
        yield way, CORPORA, 0, heads
        for source in (GRAMMAR, CHANGED):
            for seed, begun in enumerate(range(0, heads // 2, TASK_HEADS)):
                yield way, source, seed, min(TASK_HEADS, heads // 2 - begun)


def _with_progress(report: Report, counts: Iterable[Count], tasks: int) -> Iterator[Count]:
    for number, count in enumerate(counts):
        report.progress(f"{count.way}: {number * 100 // tasks} %")
        yield count
    report.progress("")


def say_counts(report: Report, counts: Iterable[Count]) -> None:
    sums: dict[tuple[str, str], Count] = {}
    for count in counts:
        whole = sums.setdefault((count.way, count.source), Count(count.way, count.source))
        whole.heads += count.heads
        whole.plain += count.plain
        for difference in count.differences:
            whole.differences.append(difference)
            if len(whole.differences) <= SHOWN:
                report.say(f"{count.way}, {count.source}: {difference}")
    report.table(
        ("what", "source", "made", "plain", "read differently"),
        [
            (one.way, one.source, f"{one.heads:,}", f"{one.plain:,}", str(len(one.differences)))
            for one in sums.values()
        ],
    )
    wrong = sum(len(one.differences) for one in sums.values())
    report.bar(READ_DIFFERENTLY, wrong, str(wrong))


def _say_rules(report: Report, found: Iterable[int | None]) -> None:
    after = dict(zip(rules(), found, strict=True))
    report.say("Heads until a rule that is left out on trial is found missing:")
    report.table(
        ("what", "rule", "heads"),
        [
            (READERS[number].way, what, "not found" if heads is None else f"{heads:,}")
            for (number, what), heads in after.items()
        ],
    )
    missed = list(after.values()).count(None)
    report.bar(NOT_FOUND, missed, str(missed))
