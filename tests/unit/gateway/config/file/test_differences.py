"""What is different between two files is said as the file has it."""

import pytest

from discovery.base.steps import at_once
from gateway.config.file.configuration import Configuration
from gateway.config.file.differences import differences
from gateway.config.file.loading import reading

WAYS = "auth: {{{}}}\ndefaults: {{auth: none}}"
PAIR = '{"certificates": [{"certificate_file": "a.pem", "key_file": "a.key"}]}'
TLS = "tls: {certificates: [{certificate_file: a.pem, key_file: a.key}]}"


def read(text: str) -> Configuration:
    configuration = at_once(reading(text.encode())).configuration
    assert configuration is not None
    return configuration


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("", "discover: false", ["discover: /api → false"]),
        (
            "services: {a: {urls: ['http://b:1', 'https://[::1]']}}",
            "services: {a: {urls: ['http://b:2']}}",
            ['service a: urls: ["http://b:1", "https://[::1]:443"] → ["http://b:2"]'],
        ),
        (
            "services: {a: {urls: ['http://b:1'], health: {path: /h, statuses: [200-299, 401]}}}",
            "services: {a: {urls: ['http://b:1'], health: {path: /h, statuses: [204]}}}",
            ['service a: health.statuses: ["200-299", 401] → [204]'],
        ),
        (
            "routes: [{name: a, match: {prefix: /a}, service: b, allow: {from: [10.0.0.0/8]}}]",
            "routes: [{name: a, match: {path: '/{x}'}, service: b}, {name: c, match: {}, service: b}]",
            [
                'route a: match.path: left out → "/{x}"',
                'route a: match.prefix: "/a" → left out',
                'route a: allow: {"from": ["10.0.0.0/8"]} → left out',
                "route c: added",
            ],
        ),
        (
            WAYS.format("a: {type: api_key}, b: {type: api_key}, c: {type: mtls, ca_file: a.pem}"),
            WAYS.format(
                "b: {type: mtls, ca_file: b.pem}, c: {type: mtls, ca_file: b.pem}, d: {type: api_key}"
            ),
            [
                "way b: replaced by one of another type",
                "way c: ca_file: a.pem → b.pem",
                "way d: added",
                "way a: removed",
            ],
        ),
        (
            TLS.replace("}]", "}], client_ca_file: a.pem, hsts: {max_age: 1d}"),
            TLS.replace(
                "}]", "}], client_ca_file: a.pem, hsts: {max_age: 2d}, client_certificate: optional"
            ),
            [
                "tls.client_certificate: left out → optional",
                "tls.hsts.max_age: 86400s → 172800s",
            ],
        ),
        (
            "",
            TLS,
            [f"tls: left out → {PAIR}"],
        ),
        (
            TLS,
            "",
            [
                'tls: {"certificates": [{"certificate_file": "a.pem", "key_file": "a.key"}]} → left out'
            ],
        ),
    ],
)
def test_a_difference_is_a_line(before: str, after: str, told: list[str]) -> None:
    """Addresses and ranges of statuses were shown as lists of their parts."""
    assert at_once(differences(read(before), read(after))) == told


def test_a_key_of_the_file_is_forgotten_by_none() -> None:
    """A file whose `tls` or `auth` alone had changed was said to be the same as before."""
    files = {
        "discover": "discover: false",
        "defaults": "defaults: {auth: none}",
        "limits": "limits: {a: {requests: 1, window: 60s}}",
        "auth": "auth: {a: {type: api_key}}\ndefaults: {auth: none}",
        "tls": TLS,
        "cache": "cache: {memory: 1MiB}",
        "services": "services: {a: {urls: ['http://b:1']}}",
        "routes": "routes: [{name: a, match: {}, service: b}]",
    }
    assert files.keys() == Configuration.model_fields.keys()
    for key, text in files.items():
        before = read("defaults: {auth: none}" if key == "auth" else "")
        assert at_once(differences(before, read(text))), key
