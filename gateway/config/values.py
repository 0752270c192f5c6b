"""The value that the settings read from a variable's text, so that two texts can be compared."""

from contextlib import suppress

from discovery.model.errors import SettingsError
from discovery.model.settings import VARIABLES, RegistrySettings
from gateway.config.settings import GatewaySettings

_FIELDS_OF_THE_REGISTRY = {variable: field for field, variable in VARIABLES.items()}


def value_read(variable: str, text: str) -> object:
    """The value of a text: INFO is info, 60.0 is 60. A text that is not valid stays a text."""
    with suppress(ValueError, SettingsError):
        if field := _FIELDS_OF_THE_REGISTRY.get(variable):
            return type(getattr(RegistrySettings(), field))(text)
        name = variable.lower()
        if text and name in GatewaySettings.model_fields:
            return _in_one_form(name, GatewaySettings(**{name: text}))  # type: ignore[arg-type]
    return text


def _in_one_form(name: str, settings: GatewaySettings) -> object:
    """The value; lists that the settings keep as text lose differences in spaces."""
    parsed = {"trusted_proxies": "trusted", "registry_allowed_hosts": "allowed_hosts"}
    return getattr(settings, parsed.get(name, name))
