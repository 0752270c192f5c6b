"""Thousands of splits are taken over by a reload, and shown, in short steps."""

import gc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bench.route_files import route_file
from discovery.model.settings import RegistrySettings
from gateway.config.settings import load_settings
from gateway.worker.configuration.at_start import AtStart
from gateway.worker.configuration.reading import read_file
from gateway.worker.splitting import Splitting
from middlewares.split.policy import SplitPolicy
from tests.unit.gateway.worker.configuration.test_large_files import (
    LONGEST_STEP,
    ROUTES,
    longest,
    reload,
)
from tests.unit.gateway.worker.configuration.test_large_files import (
    _without_collections as _without_collections,
)

SPLIT = 'split: {shares: {">=2": 5, "^1": 95}, steps: [5, 25, 100], rollback: {}}, timeouts:'


def split_file(changed: int) -> str:
    return route_file(ROUTES, 1, changed=changed).replace("timeouts:", SPLIT)


def other(policy: SplitPolicy) -> SplitPolicy:
    """With another weight."""
    first, *rest = policy.shares
    return replace(policy, shares=(replace(first, weight=7.0), *rest))


def test_no_step_is_long(tmp_path: Path) -> None:
    file = tmp_path / "lockgate.yaml"
    file.write_text(split_file(0))
    started: AtStart = read_file(file, load_settings({}))
    gc.collect()
    texts = [split_file(number).encode() for number in (1, 2, 3)]
    assert min(longest(reload(started, text)) for text in texts) < LONGEST_STEP

    before = started.compiled
    assert len(before.splits) == ROUTES
    after = cast("Any", SimpleNamespace(splits={k: other(v) for k, v in before.splits.items()}))
    splitting = Splitting(
        before,
        registry=RegistrySettings("redis://127.0.0.1:1/0"),
        worker="w",
        lookup=cast("Any", SimpleNamespace(look=None)),
        client_key=str,
    )
    turns = [splitting.taking(one) for one in (after, before, after, before)]
    assert min(map(longest, turns)) < 8 * LONGEST_STEP  # of 50 ms
    assert min(longest(splitting.documents({})) for _ in range(3)) < 8 * LONGEST_STEP
