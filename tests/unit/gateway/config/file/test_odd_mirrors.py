"""What a file says of mirrors in vain is a warning where it stands."""

import pytest

from gateway.config.file.odd_mirrors import ALL_VERSIONS, NO_METHOD, THE_SAME
from tests.support.configuration_files import mistakes_in


def warnings(text: str) -> list[str]:
    """The warnings without the places of their lines and columns."""
    return [line.partition(" warning: ")[2] for line in mistakes_in(text)]


def route(*keys: str, match: str = "{prefix: /r}", service: str = "s") -> str:
    return f"routes: [{{name: r, match: {match}, service: {service}, {', '.join(keys)}}}]"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (['mirror: {to: ">=3"}'], f"routes[0].mirror.to: {ALL_VERSIONS}"),
        (
            ['mirror: {to: ">=3"}', 'split: {shares: {"2": 1, "3": 5}}'],
            'routes[0].mirror.to: the share "3" of the route goes to these versions too',
        ),
        (
            [
                'mirror: [{to: {service: x}}, {to: "^1.2"}]',
                'versions: {from: [path], default: "1"}',
            ],
            "routes[0].mirror[1].to: requests that name no version go to 1, and so to these versions too",
        ),
        (["mirror: {to: {service: s}}"], f"routes[0].mirror.to: {THE_SAME}"),
    ],
)
def test_what_is_compared_with_itself(keys: list[str], expected: str) -> None:
    assert warnings(route(*keys)) == [expected]


@pytest.mark.parametrize(
    "keys",
    [
        ['mirror: {to: ">=3"}', 'split: {shares: {"2": 1, "3": 0}}'],
        ['mirror: {to: ">=3"}', 'versions: {from: [path], default: "1"}'],
        ["mirror: {to: {service: other}}"],
        ["mirror: null"],
        ["mirror: {to: {service: x}, methods: [POST]}"],
    ],
)
def test_what_is_not_odd(keys: list[str]) -> None:
    assert warnings(route(*keys)) == []


def test_methods_that_the_route_does_not_take() -> None:
    post = "{prefix: /r, methods: [POST]}"
    assert warnings(route("mirror: {to: {service: x}}", match=post)) == [
        f"routes[0].mirror: {NO_METHOD}"
    ]
    assert warnings(route("mirror: {to: {service: x}, methods: [PUT]}", match=post)) == [
        f"routes[0].mirror.methods: {NO_METHOD}"
    ]


def test_a_service_that_is_mistyped() -> None:
    text = route("mirror: {to: {service: order_servise}}", service="order_service")
    assert warnings(text) == [
        'routes[0].mirror.to: no route goes to a service of this name; did you mean "order_service"?'
    ]


def test_a_mirror_of_a_more_general_level_is_told_once_and_there() -> None:
    text = """
defaults: {mirror: {to: ">=3"}}
routes:
  - {name: a, match: {prefix: /a}, service: s}
  - {name: b, match: {prefix: /b}, service: s}
  - {name: c, match: {prefix: /c}, respond: {body: here}}
"""
    assert mistakes_in(text) == [f"f:2:21: warning: defaults.mirror.to: {ALL_VERSIONS}"]
