"""Begins a roll of a gateway's workers, and waits for its end."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from gateway.cli.gateway_client import GatewayClient, Refused
from gateway.cli.output import print_progress
from gateway.stack.failures import StackError

ASKED_EVERY_S = 0.5
#: The gateway answers again within this time, or nobody knows how the roll has ended.
SILENT_FOR_S = 15.0
_ENDS = ("done", "failed")
#: The master answers nothing while it goes on with new code.
_BUSY = "master_away"


def rolled(
    gateway: GatewayClient,
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Mapping[str, Any]:
    """How the roll has ended that this begins: `state`, `reason`, `replaced`, `of`."""
    said = gateway.change("POST", "/roll")
    number, told = said["number"], None
    heard_s = now()
    if said["state"] == "waiting":  # the one before is under way
        said = {**said, "number": number - 1}
    while said["number"] < number or said["state"] not in _ENDS:
        progress = (said["number"], said["replaced"])
        if said["state"] == "running" and progress != told:
            told = progress
            print_progress(f"{said['replaced']} of {said['of']} workers replaced")
        sleep(ASKED_EVERY_S)
        before = said["number"]
        try:
            said = gateway.get("/roll")
            heard_s = now()
        except StackError as error:
            if isinstance(error, Refused) and error.problem.get("reason") != _BUSY:
                raise
            if now() - heard_s > SILENT_FOR_S:
                raise StackError(f"how the roll goes on is not known: {error}") from None
        if said["number"] < before:  # a new gateway counts anew
            raise StackError(
                "the gateway was started anew meanwhile, which ended the roll; all of its workers are new"
            )
    ended: Mapping[str, Any] = said
    return ended
