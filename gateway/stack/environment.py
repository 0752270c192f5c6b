"""What the processes of a stack find in their environment beyond what the user has set."""

import math
from collections.abc import Mapping

from gateway.stack.state import StackState

DEFAULT_GRACE_S = 10.0
# What a process may take to end beyond the grace that it gives its requests.
STOP_MARGIN_S = 5


def process_environment(
    environ: Mapping[str, str], state: StackState, registry_url: str
) -> dict[str, str]:
    environment = {**environ, "REDIS_URL": registry_url}
    if not (environment.get("ADMIN_TOKEN") or environment.get("ADMIN_TOKEN_FILE")):
        environment["ADMIN_TOKEN_FILE"] = str(state.token_file)
    environment.setdefault("VIEW_FILE", str(state.view_file))
    # Whoever stops the stack shall not wait five minutes for a page that watches a stream.
    environment.setdefault(
        "TUNNEL_GRACE", environment.get("SHUTDOWN_GRACE") or str(DEFAULT_GRACE_S)
    )
    return environment


def stop_wait(environ: Mapping[str, str]) -> int:
    """Seconds until a process that was told to stop is killed."""
    try:
        grace_s = float(environ.get("SHUTDOWN_GRACE") or DEFAULT_GRACE_S)
    except ValueError:  # the gateway says so itself, and better
        grace_s = DEFAULT_GRACE_S
    if not 0 <= grace_s < math.inf:
        grace_s = DEFAULT_GRACE_S
    return math.ceil(grace_s) + STOP_MARGIN_S
