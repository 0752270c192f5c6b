"""The URL at which clients reach a gateway: the setting, or the address where it listens."""

import pytest

from discovery.model.errors import SettingsError
from gateway.config.settings import load_settings
from gateway.config.urls import own_url


@pytest.mark.parametrize(
    ("host", "url"),
    [
        *((host, "http://localhost:8080") for host in ("127.0.0.1", "127.9.9.9", "0.0.0.0")),
        *((host, "http://localhost:8080") for host in ("::", "::1", "localhost")),
        ("10.0.0.7", "http://10.0.0.7:8080"),
        ("2001:db8::7", "http://[2001:db8::7]:8080"),
        ("gateway.inside", "http://gateway.inside:8080"),
    ],
)
def test_without_a_setting_it_is_where_the_gateway_listens(host: str, url: str) -> None:
    assert own_url(None, host, 8080) == url


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://shop.example/", "https://shop.example"),
        ("http://[2001:db8::7]:8080", "http://[2001:db8::7]:8080"),
        ("https://shop.example/gateway/", "https://shop.example/gateway"),
    ],
)
def test_what_is_set_comes_first_and_a_path_can_be_put_behind_it(given: str, url: str) -> None:
    settings = load_settings({"GATEWAY_URL": given})
    assert own_url(settings.gateway_url, settings.gateway_host, 8080) == url


@pytest.mark.parametrize(
    "bad",
    [
        *("shop.example", "ftp://shop.example", "http://", "http://a:0", "http://a:65536"),
        *("http://a:b", "http://a b", "http://a\nb", "http://ä", "http://u:p@a", "http://a?b"),
        *("http://a#b", "http://[::1", f"http://{'a' * 255}"),
    ],
)
def test_what_is_no_url_to_put_a_path_behind_is_refused_with_the_variable(bad: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({"GATEWAY_URL": bad})
    assert str(refused.value).startswith(f"GATEWAY_URL={bad!r}: must be a URL as in https://")
