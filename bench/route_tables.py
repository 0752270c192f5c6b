"""What a request costs with 1, 100 and 5,000 configured routes, beside other proxies with the same ones."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPConnection

from bench.checking import PATIENCE_S, wrong_answers
from bench.peers import envoy, haproxy, lockgate, nginx
from bench.peers.peer import Peer
from bench.report import with_range
from bench.rounds import CONNECTIONS, Pair, Rounds, cpu_us, in_rounds
from bench.route_set import HOSTS, Route, requests_over, routes
from bench.stage import Proxy, Stage
from bench.workloads import UNIQUE

#: No routes are the default table, and what the other proxies have in the section `hop`.
NUMBERS = (0, 1, 100, 5000)
#: Requests that each proxy has to answer rightly before it is measured.
TRIED = 200

_RATIOS = ((1, 0), (100, 1), (5000, 1), (5000, 0))


def run(stage: Stage) -> None:
    rounds = 3 if stage.quick else 5
    with ExitStack() as stack:
        pairs: dict[tuple[str, int], Pair] = {}
        for number in NUMBERS:
            workload = requests_over(number) if number else UNIQUE
            for proxy in stack.enter_context(stage.proxies(list(_peers(stage, routes(number))))):
                if wrong := _wrong(proxy, number):
                    stage.report.say(f"{proxy.peer.title} is left out: {wrong}")
                else:
                    pairs[_program(proxy.peer), number] = workload, proxy
        measured = in_rounds(stage, pairs.values(), rounds)
        _show(stage, pairs, measured, rounds)


def _peers(stage: Stage, table: Sequence[Route]) -> Iterable[Peer]:
    yield _named(lockgate.peer(stage.python, stage.registry.port, routes=table), table)
    for program in (nginx, haproxy, envoy):
        yield from (_named(peer, table) for peer in program.peers(table) if peer.same_work)


def _named(peer: Peer, table: Sequence[Route]) -> Peer:
    """Name it by its table, since the measurements are kept by name."""
    return replace(peer, name=f"{peer.name} with {_title(len(table))}")


def _program(peer: Peer) -> str:
    return peer.name.partition(" with ")[0]


def _title(number: int) -> str:
    if not number:
        return "the default table"
    return f"{number:,} route{'s' if number > 1 else ''}"


def _wrong(proxy: Proxy, number: int) -> str:
    """What is wrong with its answers; empty if its routes are answered, and nothing else is."""
    if not number:
        return ""
    workload = requests_over(number)
    wrong = wrong_answers(proxy.port, proxy.template(workload), workload, TRIED)
    return wrong or next(filter(None, (_taken(proxy.port, *other) for other in OTHERS)), "")


#: Hosts and paths that no table of routes takes.
OTHERS = (
    ("h0.example.com", "/v1/things0/4711/other"),
    ("h0.example.com", "/v1/things0/47/11/unique"),
    ("h0.example.com", "/v1/things1/4711/unique"),
    ("h0.example.org", "/v1/things0/4711/unique"),
)


def _taken(port: int, host: str, path: str) -> str:
    """Say that a request was answered which should have been refused."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers={"Host": host})
        status = connection.getresponse().status
    except OSError as error:
        return f"it does not answer: {error!r}"
    finally:
        connection.close()
    return "" if status in (404, 503) else f"it answers {status} to {host}{path}"


def _show(stage: Stage, pairs: dict[tuple[str, int], Pair], measured: Rounds, rounds: int) -> None:
    programs = dict.fromkeys(program for program, _ in pairs)

    def cpu(program: str, number: int) -> list[float]:
        pair = pairs.get((program, number))
        return [one.cpu_us for one in measured.of(*pair)] if pair else []

    def ratio(one: tuple[str, int], other: tuple[str, int]) -> str:
        if one not in pairs or other not in pairs:
            return ""
        ratios = measured.ratios(pairs[one], pairs[other], cpu_us)
        return with_range(ratios) if ratios else ""

    stage.report.title(
        f"Tables of routes over {HOSTS} hosts, {CONNECTIONS} connections, {rounds} rounds"
    )
    titles = [_title(number) for number in NUMBERS]
    stage.report.table(
        ("CPU µs per request", *titles),
        [
            (program, *(with_range(of, 1) if of else "" for of in of_program))
            for program in programs
            for of_program in [[cpu(program, number) for number in NUMBERS]]
        ],
    )
    stage.report.table(
        ("against its own", *(f"{_title(one)} / {_title(other)}" for one, other in _RATIOS)),
        [
            (program, *(ratio((program, one), (program, other)) for one, other in _RATIOS))
            for program in programs
        ],
    )
    stage.report.table(
        ("Lockgate against", *titles),
        [
            (program, *(ratio((lockgate.NAME, n), (program, n)) for n in NUMBERS))
            for program in programs
            if program != lockgate.NAME
        ],
    )
