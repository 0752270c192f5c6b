"""Scrapes while workers count, tell, answer, end and are killed, in any order.

The workers and the master's channel are played; who tells whom what in which order is as in
`gateway.siblings.summing.scraping`, and the arithmetic is the real one.
"""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from discovery.base.steps import at_once
from gateway.master.departed import Counters, add, departed
from gateway.siblings.summing.deciding.series import (
    Described,
    Family,
    Series,
    families_of,
    key_of,
    key_of_family,
)
from gateway.siblings.summing.deciding.sums import summed

REQUESTS = Described("requests", "counter", "About.")


@dataclass
class Worker:
    id: str
    value: int = 0
    #: What the master has of it.
    counters: Counters = field(default_factory=dict)

    def told(self) -> list[Family]:
        """Its families; the master has its counters before anybody has these."""
        series = Series("_total", ("worker", self.id), self.value)
        self.counters |= {key_of_family(REQUESTS): 0, key_of("requests", series): self.value}
        return [Family(REQUESTS, [series])]


@dataclass
class Scrape:
    asker: Worker
    #: What was seen of each worker before it began.
    at_least: dict[str, float]
    own: list[Family]
    answers: dict[str, list[Family]] = field(default_factory=dict)


class Gateway(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.workers: list[Worker] = []
        self.ended: Counters = {}
        self.scrapes: list[Scrape] = []
        self.started = 0
        #: By worker: what it has counted, without what it had told nobody when it was killed; what was seen.
        self.counted: Counter[str] = Counter()
        self.seen: dict[str, float] = {}
        for _ in range(3):
            self.start()

    def start(self) -> None:
        self.started += 1
        self.workers.append(Worker(str(self.started)))

    @rule(at=st.integers(0, 2), by=st.integers(1, 5))
    def count(self, at: int, by: int) -> None:
        worker = self._worker(at)
        worker.value += by
        self.counted[worker.id] += by

    @rule(at=st.integers(0, 2))
    def tell_now_and_then(self, at: int) -> None:
        self._worker(at).told()

    @rule(at=st.integers(0, 2))
    def begin_a_scrape(self, at: int) -> None:
        if len(self.scrapes) < 2:
            asker = self._worker(at)
            self.scrapes.append(Scrape(asker, dict(self.seen), asker.told()))

    @rule(at=st.integers(0, 2), who=st.integers(0, 2))
    def answer(self, at: int, who: int) -> None:
        if self.scrapes:
            scrape = self.scrapes[at % len(self.scrapes)]
            sibling = self._worker(who)
            if sibling is not scrape.asker and sibling.id not in scrape.answers:
                scrape.answers[sibling.id] = sibling.told()

    @rule(at=st.integers(0, 2))
    def finish_a_scrape(self, at: int) -> None:
        if self.scrapes:
            self._finish(self.scrapes.pop(at % len(self.scrapes)))

    @rule(at=st.integers(0, 2))
    def end(self, at: int) -> None:
        worker = self._worker(at)
        worker.told()
        self._replace(worker)

    @rule(at=st.integers(0, 2))
    def kill(self, at: int) -> None:
        worker = self._worker(at)
        self.counted[worker.id] = int(max([0, *worker.counters.values()]))
        self._replace(worker)

    @rule()
    def a_scrape_that_all_answer_knows_everything_but_what_was_lost(self) -> None:
        asker, *others = self.workers
        answers = {one.id: one.told() for one in others}
        scrape = Scrape(asker, dict(self.seen), asker.told(), answers)
        assert self._finish(scrape) == +self.counted

    def _worker(self, at: int) -> Worker:
        return self.workers[at % len(self.workers)]

    def _finish(self, scrape: Scrape) -> dict[str, float]:
        others = departed(self.ended, self.workers, scrape.asker.id, [*scrape.answers])
        alive = [one for id_, one in scrape.answers.items() if id_ not in others["gone"]]
        families = at_once(
            summed([scrape.own, *alive], at_once(families_of(others["counters"])), 0)
        )
        found = {
            one.labels[1]: one.value for family in families for one in family.series if one.value
        }
        assert all(scrape.at_least[id_] <= found.get(id_, 0) for id_ in scrape.at_least)
        assert all(found[id_] <= self.counted[id_] for id_ in found)
        self.seen = {id_: max(n, self.seen.get(id_, 0)) for id_, n in found.items()} | {
            id_: n for id_, n in self.seen.items() if id_ not in found
        }
        return found

    def _replace(self, worker: Worker) -> None:
        self.workers.remove(worker)
        self.start()
        add(self.ended, worker.counters)
        self.scrapes = [one for one in self.scrapes if one.asker is not worker]


TestGateway = Gateway.TestCase
TestGateway.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
