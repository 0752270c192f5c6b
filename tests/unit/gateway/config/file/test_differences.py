"""What is different between two files is said as the file has it."""

import pytest

from discovery.base.steps import at_once
from gateway.config.file.configuration import Configuration
from gateway.config.file.differences import differences
from gateway.config.file.loading import read_bytes


def read(text: str) -> Configuration:
    configuration = read_bytes(text.encode()).configuration
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
    ],
)
def test_a_difference_is_a_line(before: str, after: str, told: list[str]) -> None:
    """Addresses and ranges of statuses were shown as lists of their parts."""
    assert at_once(differences(read(before), read(after))) == told
