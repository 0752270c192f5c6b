"""The environment variables of the example services: what each means, and its default.

A plain table, so that `--help` starts quickly. `ServiceSettings` and the settings of each service check
the values; tests/unit/services/test_variables.py checks that table and settings agree.
"""

from middlewares.programs.variables import Variable, registry_variables


def service_variables() -> dict[str, Variable]:
    """The services' variables with those of the registry."""
    return {
        "SERVICE_HOST": Variable("Where the service listens.", "127.0.0.1"),
        "SERVICE_PORT": Variable("Its port.", "each its own"),
        "ADVERTISE_HOST": Variable("The host that it registers.", "localhost"),
        "ADVERTISE_OWN_ADDRESS": Variable(
            "1: an instance registers its own address, not ADVERTISE_HOST.", "0"
        ),
        "LOG_LEVEL": Variable("debug, info, warning (or warn), error or critical.", "info"),
        "LOG_FORMAT": Variable("json, or console for people.", "json"),
        "SHUTDOWN_GRACE": Variable("Seconds for requests in flight when it stops.", "10"),
        "MARKET_DATA_FILE": Variable("CSV of real candles, for market_data_service."),
    } | registry_variables()
