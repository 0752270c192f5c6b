"""The files that a REDIS_URL names are there, and nobody else can read the key."""

from pathlib import Path

import pytest

from discovery.model.errors import SettingsError
from discovery.model.settings import RegistrySettings

SCHEMES = ("rediss://127.0.0.1", "rediss+sentinel://127.0.0.1/main", "rediss+cluster://127.0.0.1")


def _settings(url: str) -> RegistrySettings:
    return RegistrySettings.from_env({"REDIS_URL": url})


@pytest.mark.parametrize("url", SCHEMES)
def test_key_that_others_can_read_is_refused(url: str, tmp_path: Path) -> None:
    key = tmp_path / "me.key"
    key.touch(0o644)
    with pytest.raises(SettingsError, match=r"REDIS_URL: ssl_keyfile=.*others can read it: `chmod"):
        _settings(f"{url}?ssl_keyfile={key}")
    key.chmod(0o600)
    assert _settings(f"{url}?ssl_keyfile={key}").redis_url.startswith(url)


@pytest.mark.parametrize("parameter", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_file_that_is_not_there_is_told(parameter: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{parameter}=.*can't be read: No such file"):
        _settings(f"{SCHEMES[0]}?{parameter}={tmp_path}/none")
    with pytest.raises(SettingsError, match=f"{parameter}=.*Is a directory"):
        _settings(f"{SCHEMES[0]}?{parameter}={tmp_path}")


def test_password_is_in_no_message(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        _settings(f"rediss://user:s3cret@127.0.0.1?ssl_certfile={tmp_path}/none")
    assert "s3cret" not in str(refused.value)
