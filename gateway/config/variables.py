"""The environment variables that the gateway reads, as the settings have them."""

from contextlib import suppress

from discovery.model.errors import SettingsError
from discovery.model.settings import MEANINGS, VARIABLES, RegistrySettings
from gateway.config.settings import GatewaySettings

_FIELDS_OF_THE_REGISTRY = {variable: field for field, variable in VARIABLES.items()}


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


def value_read(variable: str, text: str) -> object:
    """What the settings make of a text: INFO is info, 60.0 is 60. What they refuse stays as it is."""
    with suppress(ValueError, SettingsError):
        if field := _FIELDS_OF_THE_REGISTRY.get(variable):
            return type(getattr(RegistrySettings(), field))(text)
        name = variable.lower()
        if text and name in GatewaySettings.model_fields:
            return _in_one_form(name, GatewaySettings(**{name: text}))  # type: ignore[arg-type]
    return text


def _in_one_form(name: str, settings: GatewaySettings) -> object:
    """Lists that the settings keep as they are written are the same with other spaces."""
    parsed = {"trusted_proxies": "trusted", "registry_allowed_hosts": "allowed_hosts"}
    return getattr(settings, parsed.get(name, name))


def _as_written(value: object) -> str:
    if value in (None, ()):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
