"""`lockgate drain`: stops new requests to an instance."""

from typing import Any

import click

from gateway.cli import options
from gateway.cli.application import FAILURE, command
from gateway.cli.numbers import Number

EXIT_STATUSES = (
    "Exit statuses: 0 it drains, and with --wait it is complete; 1 it is not complete, or could not "
    "be drained; 2 asked for something that makes no sense."
)


@command(
    example="lockgate drain orders orders-1 --wait 30 && kill 4711", exit_statuses=EXIT_STATUSES
)
@options.instances
@options.all_of_them
@click.option(
    "--wait",
    "wait_s",
    type=Number(float, 0, 60),
    metavar="SECONDS",
    help="Seconds to wait, at most 60, until every worker of every gateway is through with it.",
)
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def drain(words: tuple[str, ...], wait_s: float | None, **where: Any) -> int:
    """Send an instance no new requests; requests in flight go on.

    SERVICE is the service's name, or its name in the route. INSTANCE alone is enough where no other
    service has an instance with that ID; `lockgate services` shows them.

    --wait shows how far the drain has come. It is `complete` when no worker sends requests there any
    more and every answer is out. Otherwise it shows how many workers are missing and how many
    requests are in flight.
    """
    from gateway.cli.changing import change_instances
    from gateway.cli.gateway_client import ANSWERS_WITHIN_S, GatewayClient

    def drain_one(gateway: GatewayClient, path: str) -> dict[str, Any]:
        if wait_s is None:
            gateway.change("POST", f"{path}/drain")
            return {"draining": True}
        within_s = wait_s + ANSWERS_WITHIN_S
        answer: dict[str, Any] = gateway.change(
            "POST", f"{path}/drain?wait={wait_s:g}", within_s=within_s
        )
        return answer

    answers = change_instances(words, drain_one, title="Draining", **where)
    return 0 if all(one.get("complete", True) for one in answers) else FAILURE
