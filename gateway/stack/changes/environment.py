"""What the processes of a stack find in their environment, whatever their supervisor was started with."""

import math
import shlex
from collections.abc import Collection, Mapping

from gateway.stack.plan import ProcessSpec
from gateway.stack.state import StackState

DEFAULT_GRACE_S = 10.0
# What a process may take to end beyond the grace that it gives its requests.
STOP_MARGIN_S = 5


def process_environment(
    environ: Mapping[str, str], state: StackState, registry_url: str
) -> dict[str, str]:
    """What the user has set, and what a stack decides by itself where nothing is; empty is not set."""
    environment = {**environ, "REDIS_URL": registry_url}
    if not (environment.get("ADMIN_TOKEN") or environment.get("ADMIN_TOKEN_FILE")):
        environment["ADMIN_TOKEN_FILE"] = str(state.token_file)
    # Whoever stops the stack shall not wait five minutes for a page that watches a stream.
    grace = environment.get("SHUTDOWN_GRACE") or f"{DEFAULT_GRACE_S:g}"
    for variable, value in (("VIEW_FILE", str(state.view_file)), ("TUNNEL_GRACE", grace)):
        environment[variable] = environment.get(variable) or value
    return environment


def shell_script(spec: ProcessSpec, variables: Collection[str]) -> str:
    """What sets the process's own variables and none of the other `variables`, for `sh`."""
    unset = sorted(set(variables) - set(spec.environment))
    exports = [f"export {name}={shlex.quote(value)}" for name, value in spec.environment.items()]
    return "\n".join([*(f"unset {name}" for name in unset), *exports, ""])


def stop_wait(environ: Mapping[str, str]) -> int:
    """Seconds until a process that was told to stop is killed."""
    try:
        grace_s = float(environ.get("SHUTDOWN_GRACE") or DEFAULT_GRACE_S)
    except ValueError:  # the gateway says so itself, and better
        grace_s = DEFAULT_GRACE_S
    if not 0 <= grace_s < math.inf:
        grace_s = DEFAULT_GRACE_S
    return math.ceil(grace_s) + STOP_MARGIN_S
