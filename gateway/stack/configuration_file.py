"""The file of GATEWAY_CONFIG, before a gateway is started with it."""

from gateway.config.settings import GatewaySettings
from gateway.stack.failures import UsageError
from gateway.worker.configuration.at_start import AtStart, read_at_start
from gateway.worker.configuration.reloading import ConfigurationRejected


def require_valid_file(settings: GatewaySettings, told_below: str = "") -> AtStart | None:
    """Read the file; None if none is named. UsageError: all of its mistakes, each on a line."""
    try:
        return read_at_start(settings)
    except ConfigurationRejected as rejected:
        lines = [*rejected.mistakes, *filter(None, [told_below])]
        raise UsageError("\n".join(lines)) from None
