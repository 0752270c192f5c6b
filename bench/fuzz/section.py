"""`make bench ARGS=fuzz`: makes very many heads, and compares what two readers say of each."""

from collections.abc import Iterator
from itertools import islice
from random import Random

from bench.fuzz import answers, requests
from bench.report import Bar
from bench.stage import Stage

SEEDS = (1, 2)
CASES = 5_000_000
QUICK_CASES = 20_000
#: So many differences are shown.
SHOWN = 5

READ_DIFFERENTLY = Bar("heads that the readers of plain heads and the parsers read differently", 0)


def run(stage: Stage) -> None:
    report = stage.report
    cases = QUICK_CASES if stage.quick else CASES
    report.title(f"Heads read by two readers, {cases:,} for each seed")
    rows = []
    wrong = 0
    for what, compare in (("requests", _requests), ("answers", _answers)):
        for seed in SEEDS:
            plain = different = 0
            for is_plain, difference in islice(compare(seed), cases):
                plain += is_plain
                if difference:
                    different += 1
                    if different <= SHOWN:
                        report.say(f"{what}, seed {seed}: {difference}")
            wrong += different
            rows.append((what, str(seed), f"{plain:,}", str(different)))
    report.table(("what", "seed", "of them plain", "read differently"), rows)
    report.bar(READ_DIFFERENTLY, wrong, str(wrong))


def _requests(seed: int) -> Iterator[tuple[bool, str]]:
    comparison = requests.Comparison()
    try:
        for head in requests.heads(seed):
            plain = comparison.taken(head)
            wrong = comparison.differences(head, plain) if plain is not None else []
            yield plain is not None, f"{head!r}: {wrong}" if wrong else ""
    finally:
        comparison.close()


def _answers(seed: int) -> Iterator[tuple[bool, str]]:
    comparison = answers.Comparison()
    for case in answers.cases(Random(seed)):
        before = comparison.plain
        wrong = comparison.difference(case)
        yield comparison.plain > before, f"{case}: {wrong}" if wrong else ""
