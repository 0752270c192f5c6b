"""The variables in `python -m services --help`, compared with the settings that read them."""

import pytest

from discovery.model.settings import VARIABLES
from services.base.settings import ServiceSettings, settings_from_environment
from services.catalogue import MODULES, find
from services.variables import service_variables

OF_THE_REGISTRY = set(VARIABLES.values())


def settings_of_all() -> list[type[ServiceSettings]]:
    return [service.settings for name in MODULES if (service := find(name)) is not None]


def test_every_variable_that_a_service_reads_has_a_meaning() -> None:
    read = {field.upper() for settings in settings_of_all() for field in settings.model_fields}
    assert set(service_variables()) == read | OF_THE_REGISTRY
    assert all(variable.meaning for variable in service_variables().values())


@pytest.mark.parametrize("settings", settings_of_all())
def test_what_is_told_as_the_default_is_the_default(
    settings: type[ServiceSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in service_variables():
        monkeypatch.delenv(name, raising=False)
    by_default = settings_from_environment(settings)
    for name, variable in service_variables().items():
        if name != "SERVICE_PORT":
            monkeypatch.setenv(name, variable.default)
    assert settings_from_environment(settings) == by_default
