"""The environment variables that the example services read, for their help."""

from discovery.model.settings import MEANINGS, VARIABLES, RegistrySettings
from services.base.settings import ServiceSettings
from services.catalogue import MODULES, find


def variable_rows() -> list[tuple[str, str]]:
    """Each variable, with its meaning and its default in one text."""
    registry = RegistrySettings()
    rows = {
        field.upper(): f"{one.title} [default: {_shown(field, one.default)}]"
        for settings in _all_settings()
        for field, one in settings.model_fields.items()
    } | {
        variable: f"{MEANINGS[variable]} [default: {getattr(registry, field)}]"
        for field, variable in VARIABLES.items()
    }
    return list(rows.items())


def _all_settings() -> list[type[ServiceSettings]]:
    return [service.settings for name in MODULES if (service := find(name)) is not None]


def _shown(field: str, default: object) -> str:
    if field == "service_port":
        return "each its own"
    return "unset" if default is None else str(default)
