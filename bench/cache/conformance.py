"""How many cases of http-cache-tests each cache passes, and which of them Lockgate does not."""

from collections.abc import Mapping, Sequence

from bench.cache import judged_peers, suite
from bench.cache.explained import EXPLAINED
from bench.cache.suite import Case
from bench.peers import lockgate
from bench.report import Bar
from bench.stage import Stage

KINDS = ("required", "optimal", "check")
UNEXPLAINED = Bar("cases of http-cache-tests that are missed, unexplained", 0)


def run(stage: Stage) -> None:
    report = stage.report
    report.title("http-cache-tests")
    if not suite.is_there():
        report.say("the package or Node is not there: see bench/make-venv")
        return
    ended: dict[str, list[Case]] = {}
    with suite.origin(stage.load_core, stage.folder / "suite") as origin:
        peers = judged_peers.peers(stage.python, stage.registry.port, origin.port)
        with stage.proxies(peers) as proxies:
            for proxy in proxies:
                report.progress(f"http-cache-tests: {proxy.peer.name}")
                try:
                    ended[proxy.peer.name] = suite.judged(proxy.port, stage.load_core)
                except suite.SuiteError as error:
                    report.say(f"{proxy.peer.name} is left out: {error}")
            report.progress("")
    _show_scores(stage, ended)
    if ours := ended.get(lockgate.NAME):
        _show_missed(stage, ours)


def _show_scores(stage: Stage, ended: Mapping[str, Sequence[Case]]) -> None:
    rows = [
        (
            name,
            *(_score(cases, kind, ours=False) for kind in KINDS),
            _unlike(ended, name),
            *(_score(cases, kind, ours=True) for kind in KINDS[:2]),
        )
        for name, cases in ended.items()
    ]
    head = (
        "cache",
        *KINDS,
        "checks otherwise than the first",
        *(f"our {kind}" for kind in KINDS[:2]),
    )
    stage.report.table(head, rows)


def _score(cases: Sequence[Case], kind: str, *, ours: bool) -> str:
    passed = suite.passed(cases)
    of_kind = [
        passed[case.id]
        for case in cases
        if case.kind == kind and (case.suite == suite.OURS) == ours
    ]
    return f"{sum(of_kind)} of {len(of_kind)}"


def _unlike(ended: Mapping[str, Sequence[Case]], name: str) -> str:
    """How many checks, where the suite calls no behaviour wrong, end otherwise than with the first cache."""
    first, this = (
        {case.id: not case.wrong for case in cases if case.kind == "check"}
        for cases in (next(iter(ended.values())), ended[name])
    )
    return str(sum(first[id_] != this[id_] for id_ in first)) if first != this else ""


def _show_missed(stage: Stage, cases: Sequence[Case]) -> None:
    passed = suite.passed(cases)
    missed = [case for case in cases if case.kind != "check" and not passed[case.id]]
    rows = [
        (
            case.kind,
            case.id,
            case.wrong or "a precondition",
            EXPLAINED.get(case.id, "NOT EXPLAINED"),
        )
        for case in missed
    ]
    stage.report.table(("kind", "case", "what was not as expected", "why"), rows)
    unexplained = sum(case.id not in EXPLAINED for case in missed)
    stage.report.say(f"unexplained: {stage.report.bar(UNEXPLAINED, unexplained)}")
