"""What `lockgate drain` and `deregister` share: they change instances through a gateway."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gateway.cli import options
from gateway.cli.gateway_client import GatewayClient, find_gateway
from gateway.cli.output import print_document, print_rows
from gateway.cli.targets import Target, find_targets
from gateway.stack.failures import UsageError

Answer = dict[str, Any]

#: Waiting for all instances of a service must take no longer than waiting for one.
MOST_AT_ONCE = 32


def change_instances(
    words: Sequence[str],
    change: Callable[[GatewayClient, str], Answer],
    *,
    title: str,
    port_offset: str,
    data_dir: Path | None,
    url: str | None,
    token: str | None,
    all_of_them: bool,
    as_json: bool,
) -> list[Answer]:
    """Change each instance that `words` mean, print the answers, and return them.

    `change` gets the path of an instance.
    """
    offset, state = options.stack_found(port_offset, data_dir)
    gateway = find_gateway(state, offset, url, token)
    targets = find_targets(gateway.get("/services")["services"], words, all_of_them=all_of_them)
    if gateway.token is None:
        at_home = f", and {state.token_file} has none" if url is None else ""
        raise UsageError(
            f"{gateway.url} wants its admin token: give it with --token or ADMIN_TOKEN{at_home}"
        )
    with ThreadPoolExecutor(max_workers=MOST_AT_ONCE) as threads:
        done = threads.map(lambda target: change(gateway, _path(target)), targets)
        answers = [_named(target) | one for target, one in zip(targets, done, strict=True)]
    if as_json:
        print_document(answers if all_of_them else answers[0])
    else:
        rows = [[_shown(value) for value in answer.values()] for answer in answers]
        print_rows([key.replace("_", " ") for key in answers[0]], rows, title=title)
    return answers


def _path(target: Target) -> str:
    service, instance_id = target
    return f"/services/{service}/instances/{instance_id}"


def _named(target: Target) -> Answer:
    service, instance_id = target
    return {"service": service, "instance": instance_id}


def _shown(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
