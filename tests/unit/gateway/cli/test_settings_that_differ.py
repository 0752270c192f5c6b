"""Which settings of a running stack `lockgate doctor` finds to differ."""

from pathlib import Path

import pytest

from gateway.cli.examining.running import settings_that_differ
from gateway.stack.changes.code import code_of
from gateway.stack.plan import GATEWAY, ProcessSpec
from gateway.stack.state import StackRecord, StackState


@pytest.mark.parametrize(
    ("here", "differ"),
    [
        # `make up CONFIG=FILE` sets the variable for the stack alone.
        ({}, []),
        ({"GATEWAY_CONFIG": "/a.yaml"}, []),
        ({"GATEWAY_CONFIG": "/b.yaml"}, ["GATEWAY_CONFIG: /a.yaml → /b.yaml (api_gateway)"]),
    ],
)
def test_a_file_that_make_up_was_given_is_not_missing_here(
    here: dict[str, str], differ: list[str], tmp_path: Path
) -> None:
    file = {"GATEWAY_CONFIG": "/a.yaml"}
    gateway = ProcessSpec(GATEWAY, GATEWAY, 1, (), environment=file, code=code_of(GATEWAY))
    record = StackRecord((gateway,), "redis://127.0.0.1:1/0", "", 1)

    found = settings_that_differ(StackState(tmp_path), 0, record, here)

    told = [one.detail for one in found if "GATEWAY_CONFIG" in one.detail]
    assert told == differ
