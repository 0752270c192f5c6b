"""The environment variables that the gateway reads, as the settings have them."""

from discovery.model.settings import MEANINGS, VARIABLES, RegistrySettings
from gateway.config.settings import GatewaySettings


def variable_defaults() -> dict[str, str]:
    """Every environment variable that the gateway reads, with its default as one would write it."""
    fields = GatewaySettings.model_fields
    defaults = {name.upper(): fields[name].default for name in fields if name != "registry"}
    registry = RegistrySettings()
    defaults |= {variable: getattr(registry, field) for field, variable in VARIABLES.items()}
    return {variable: _as_written(value) for variable, value in defaults.items()} | {
        "GATEWAY_CONFIG": ""
    }


def variable_meanings() -> dict[str, str]:
    """What each of them means, in a sentence."""
    fields = GatewaySettings.model_fields.items()
    own = {name.upper(): field.description or "" for name, field in fields if name != "registry"}
    return own | MEANINGS


def _as_written(value: object) -> str:
    if value in (None, ()):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
