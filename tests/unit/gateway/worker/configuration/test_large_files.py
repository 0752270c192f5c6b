"""A reload of thousands of routes is done in short steps, and what it leaves behind is freed without collections."""

import gc
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from bench.route_files import route_file
from discovery.base.steps import Steps, at_once, gathered, let_go
from gateway.config.compiled.describing import configured_routes
from gateway.config.settings import load_settings
from gateway.worker.configuration.at_start import AtStart
from gateway.worker.configuration.reading import read_file

ROUTES = 5000
#: Of the CPU time of a reload: less than 10 ms of its 0.6 to 2 s. A share, since a busy machine and one that
#: measures coverage are slower in both.
LONGEST_STEP = 0.02


@pytest.fixture(autouse=True)
def _without_collections() -> Iterator[None]:
    """As a reload does."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def reload(started: AtStart, content: bytes) -> Steps[None]:
    draft = yield from started.read(content)
    after = yield from draft.finish(())
    del draft
    before = started.compiled
    differences = yield from started.differences(before, after)
    assert len(differences) == ROUTES / 100
    parts = yield from gathered(started.parts(after))
    del after
    yield from let_go(parts)


def longest(steps: Steps[None]) -> float:
    """The share of the longest step in the CPU time of all of them."""
    ends_s = [time.thread_time(), *(time.thread_time() for _ in steps), time.thread_time()]
    return max(end_s - before_s for before_s, end_s in pairwise(ends_s)) / (ends_s[-1] - ends_s[0])


#: Two ways with paths of their own, on each route.
AUTH = """\
auth:
  users: {type: jwt, issuer: "https://id.example", audience: shop, algorithms: [ES256]}
  staff: {type: oidc, issuer: "https://id.example", client_id: shop}
defaults: {auth: {any_of: [users, staff]}}
"""


#: What is changed, versioned, split and mirrored, on each route; each share is a warning.
CHANGED = (
    'versions: {from: [{header: Accept-Version}], default: "2", gone_after_sunset: true, '
    'deprecated: {"1": {since: 2026-01-01, sunset: 2027-01-01}}}, '
    'split: {shares: {"1": 95, "2": 5}}, mirror: {to: "3"}, '
    'request: {headers: {set: {X-Client: "{client_ip}"}}}, timeouts:'
)


def test_no_step_is_long_where_each_route_changes_requests(tmp_path: Path) -> None:
    def content(changed: int) -> str:
        return route_file(ROUTES, 1, changed=changed).replace("timeouts:", CHANGED)

    file = tmp_path / "lockgate.yaml"
    file.write_text(content(0))
    started = read_file(file, load_settings({}))
    gc.collect()

    reloads = (reload(started, content(number).encode()) for number in (1, 2, 3))
    assert min(map(longest, reloads)) < LONGEST_STEP
    assert gc.collect() < ROUTES / 100


@pytest.mark.parametrize("auth", ["", AUTH], ids=["open", "guarded"])
def test_no_step_is_long_and_nothing_waits_for_the_collector(tmp_path: Path, auth: str) -> None:
    file = tmp_path / "lockgate.yaml"
    file.write_text(auth + route_file(ROUTES, 1))
    started = read_file(file, load_settings({}))
    gc.collect()
    texts = [auth + route_file(ROUTES, 1, changed=number) for number in (1, 2, 3)]

    # The least of them: what the machine does meanwhile may count for a step too.
    assert min(longest(reload(started, text.encode())) for text in texts) < LONGEST_STEP
    assert gc.collect() < ROUTES / 100


def compositions(changed: int) -> str:
    """A hundred routes of twenty parts; the last part of one of them is changed."""
    lines = ["routes:"]
    for route in range(100):
        parts = [
            f'part{number}: {{service: s{number}, path: "/a/{{path.id}}", into: /a/b{number}}}'
            for number in range(19)
        ]
        parts.append(f"last: {{service: s, path: /{changed if route == 7 else 0}, optional: true}}")
        compose = f"{{compose: {{parts: {{{', '.join(parts)}}}}}}}"
        lines.append(
            f'  - {{name: r{route}, match: {{path: "/r{route}/{{id}}"}}, respond: {compose}}}'
        )
    return "\n".join(lines)


def test_no_step_is_long_where_routes_have_many_parts(tmp_path: Path) -> None:
    file = tmp_path / "lockgate.yaml"
    settings = load_settings({})
    file.write_text(compositions(0))
    started = read_file(file, settings)

    def reload_and_describe(content: bytes) -> Steps[None]:
        draft = yield from started.read(content)
        after = yield from draft.finish(())
        assert len((yield from started.differences(started.compiled, after))) == 1
        assert len((yield from configured_routes(after, settings))) == 100

    steps = [reload_and_describe(compositions(number).encode()) for number in (1, 2, 3)]
    assert min(map(longest, steps)) < 5 * LONGEST_STEP  # of 0.1 s


def test_a_refused_file_is_freed_without_the_collector(tmp_path: Path) -> None:
    file = tmp_path / "lockgate.yaml"
    file.write_text(route_file(100, 1))
    started = read_file(file, load_settings({}))
    gc.collect()
    with pytest.raises(Exception, match="routez"):
        at_once(started.read(b"routez: []\n" + route_file(100, 1).encode()))
    assert gc.collect() < 100
