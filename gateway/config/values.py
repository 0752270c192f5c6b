"""What the settings make of the text of one environment variable, so that two texts can be compared."""

from contextlib import suppress

from discovery.model.errors import SettingsError
from discovery.model.settings import VARIABLES, RegistrySettings
from gateway.config.settings import GatewaySettings

_FIELDS_OF_THE_REGISTRY = {variable: field for field, variable in VARIABLES.items()}


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
