"""The environment of a stack's processes, whatever their supervisor was started with."""

import math
import os
import shlex
from collections.abc import Collection, Mapping

from gateway.stack.plan import ProcessSpec
from gateway.stack.state import StackState

DEFAULT_GRACE_S = 10.0
# How much longer than the grace for its requests a process may take to end.
STOP_MARGIN_S = 5


def process_environment(
    environ: Mapping[str, str], state: StackState, registry_url: str
) -> dict[str, str]:
    """The user's variables, with the stack's defaults where one is unset; an empty one is unset.

    The path of the configuration file is absolute: the processes run in another folder.
    """
    environment = {**environ, "REDIS_URL": registry_url}
    if file := environment.get("GATEWAY_CONFIG"):
        environment["GATEWAY_CONFIG"] = os.path.abspath(file)
    if not (environment.get("ADMIN_TOKEN") or environment.get("ADMIN_TOKEN_FILE")):
        environment["ADMIN_TOKEN_FILE"] = str(state.token_file)
    # Stopping the stack must not take five minutes because a page watches a stream.
    grace = environment.get("SHUTDOWN_GRACE") or f"{DEFAULT_GRACE_S:g}"
    for variable, value in (("VIEW_FILE", str(state.view_file)), ("TUNNEL_GRACE", grace)):
        environment[variable] = environment.get(variable) or value
    return environment


def shell_script(spec: ProcessSpec, variables: Collection[str]) -> str:
    """Set the process's own variables and unset the other `variables`, for `sh`."""
    unset = sorted(set(variables) - set(spec.environment))
    exports = [f"export {name}={shlex.quote(value)}" for name, value in spec.environment.items()]
    return "\n".join([*(f"unset {name}" for name in unset), *exports, ""])


def stop_wait(environ: Mapping[str, str]) -> int:
    """Seconds after which a process that was told to stop is killed."""
    try:
        grace_s = float(environ.get("SHUTDOWN_GRACE") or DEFAULT_GRACE_S)
    except ValueError:  # the gateway reports it, with a better message
        grace_s = DEFAULT_GRACE_S
    if not 0 <= grace_s < math.inf:
        grace_s = DEFAULT_GRACE_S
    return math.ceil(grace_s) + STOP_MARGIN_S
