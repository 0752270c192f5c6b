"""`lockgate mirror` against a real gateway."""

import json
from pathlib import Path

from tests.http.configured.mirror.conftest import Mirrored, StartMirrored
from tests.http.configured.mirror.test_comparing import of
from tests.http.test_command_line import lockgate
from tests.support.gateways import ADMIN_TOKEN


def at(mirrored: Mirrored) -> list[str]:
    return ["--url", mirrored.configured.gateway.url, "--token", ADMIN_TOKEN]


async def test_the_report_names_each_place_that_differs(
    start_mirrored: StartMirrored, tmp_path: Path
) -> None:
    mirrored = await start_mirrored(
        of({"a": 1, "b": 2}), of({"a": "x", "b": 2}), "compare: {json: true}"
    )
    await mirrored.configured.ask("/", "X-Correlation-ID: an-id")
    await mirrored.reported(answered=1)
    status, out, error = await lockgate(tmp_path, "mirror", "report", *at(mirrored))
    assert (status, error) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == [
        "shop → shadow",
        "  copies: 1 answered",
        "  compared 1: 0 same, 1 different",
    ]
    assert lines[3].startswith("  original: p50 ")
    assert lines[4].startswith("  mirror: p50 ")
    assert lines[-1].split() == [
        "type",
        "/a",
        "1",
        "number",
        "text",
        "of",
        "1",
        "characters",
        "an-id",
    ]


async def test_the_report_as_json_is_that_of_the_gateway(
    start_mirrored: StartMirrored, tmp_path: Path
) -> None:
    mirrored = await start_mirrored()
    await mirrored.configured.ask("/")
    report = await mirrored.reported(answered=1)
    status, out, error = await lockgate(tmp_path, "mirror", "report", "--json", *at(mirrored))
    assert (status, json.loads(out), error) == (0, {"mirrors": [report]}, "")


async def test_a_reset_begins_it_anew(start_mirrored: StartMirrored, tmp_path: Path) -> None:
    mirrored = await start_mirrored()
    await mirrored.configured.ask("/")
    await mirrored.reported(answered=1)
    done = await lockgate(tmp_path, "mirror", "reset", *at(mirrored))
    assert done == (0, "the reports begin anew\n", "")
    done = await lockgate(tmp_path, "mirror", "report", *at(mirrored))
    assert done == (0, "no request has been copied since the gateway or the report began\n", "")
