"""Settings from the environment: defaults, and one line for what is not allowed."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from discovery.model.errors import SettingsError
from services.base.settings import settings_from_environment
from services.market_data.settings import MarketDataSettings
from services.price.settings import PriceSettings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in MarketDataSettings.model_fields:
        monkeypatch.delenv(field.upper(), raising=False)


def test_the_defaults_are_those_of_the_contract() -> None:
    settings = settings_from_environment(MarketDataSettings)
    assert settings.model_dump() == {
        "service_host": "127.0.0.1",
        "service_port": 8000,
        "advertise_host": "localhost",
        "advertise_own_address": False,
        "log_level": "info",
        "log_format": "json",
        "shutdown_grace": 10.0,
        "market_data_file": None,
    }
    assert settings_from_environment(PriceSettings).service_port == 8002


def test_what_is_set_counts_and_what_is_set_to_nothing_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SERVICE_PORT", "9002")
    monkeypatch.setenv("ADVERTISE_HOST", "price_service")
    monkeypatch.setenv("LOG_LEVEL", "")
    settings = settings_from_environment(PriceSettings)
    assert (settings.service_port, settings.advertise_host) == (9002, "price_service")
    assert settings.log_level == "info"


def test_level_and_format_of_the_log_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "Console")
    for value, level in (("INFO", "info"), ("WARN", "warning"), ("Warning", "warning")):
        monkeypatch.setenv("LOG_LEVEL", value)
        settings = settings_from_environment(PriceSettings)
        assert (settings.log_level, settings.log_format) == (level, "console")


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("SERVICE_PORT", "0", "must be a port from 1 to 65535"),
        ("SERVICE_PORT", "many", "must be a port from 1 to 65535"),
        ("ADVERTISE_HOST", "two words", "must be a host name or an address"),
        ("ADVERTISE_OWN_ADDRESS", "maybe", "must be 1 or 0"),
        ("LOG_LEVEL", "loud", "must be debug, info, warning (or warn), error or critical"),
        ("LOG_FORMAT", "xml", "must be json or console"),
        ("SHUTDOWN_GRACE", "-1", "must be 0 to 3600 seconds"),
        ("SHUTDOWN_GRACE", "nan", "must be 0 to 3600 seconds"),
        ("MARKET_DATA_FILE", "/no/such/file", "can't be read: No such file or directory"),
    ],
)
def test_a_bad_value_is_named_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        settings_from_environment(MarketDataSettings)
    assert str(caught.value) == f"{variable}={value!r}: {allowed}"


def test_a_bad_file_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "candles.csv"
    path.write_text("timestamp,symbol,open,high,low,close,volume\nnonsense\n")
    monkeypatch.setenv("MARKET_DATA_FILE", str(path))
    with pytest.raises(SettingsError) as caught:
        settings_from_environment(MarketDataSettings)
    assert str(caught.value) == f"MARKET_DATA_FILE={str(path)!r}: line 2: must have 7 fields, not 1"


def test_settings_do_not_change() -> None:
    settings = settings_from_environment(PriceSettings)
    with pytest.raises(ValidationError):
        settings.service_port = 1
