"""What a file says of caches in vain is a warning where it stands, and is said once."""

import pytest

from gateway.config.file.odd_caches import (
    DIFFERS,
    LARGEST,
    NO_COOKIES,
    NOBODY,
    NOT_FOR_CALLERS,
    NOTHING_KEPT,
    NOTHING_OFF,
    STARS,
)
from middlewares.cache.stores.memory import LARGEST_SHARE
from middlewares.cache.stores.shared import MOST_SHARE
from tests.support.configuration_files import mistakes_in

AUTH = """
auth: {keys: {type: api_key}, staff: {type: oidc, issuer: "https://id.example", client_id: c}}
"""


def warnings(text: str, auth: str = "") -> list[str]:
    """The warnings without the places of their lines and columns."""
    told = [line.partition(" warning: ") for line in mistakes_in(text + auth)]
    return [warning for _, _, warning in told]


def route(*sections: str, name: str = "r") -> str:
    return f"{{name: {name}, match: {{prefix: /{name}}}, service: s, {', '.join(sections)}}}"


def test_a_warning_stands_where_its_key_stands() -> None:
    assert mistakes_in("defaults:\n  cache: {by: subject}") == [
        f"f:2:11: warning: defaults.cache.by: {NOBODY}"
    ]


@pytest.mark.parametrize(
    ("methods", "is_told"),
    [("[POST, PUT]", True), ("[POST, GET]", False), ("[HEAD]", False), ("[QUERY]", False)],
)
def test_a_cache_on_a_route_without_a_method_that_is_kept(methods: str, is_told: bool) -> None:
    text = f"routes: [{{name: r, match: {{methods: {methods}}}, service: s, cache: {{}}}}]"
    assert warnings(text) == ([f"routes[0].cache: {NOTHING_KEPT}"] if is_told else [])


def test_such_a_route_is_no_reason_to_tell_of_what_it_inherits() -> None:
    posts = "{name: r, match: {methods: [POST]}, service: s}"
    assert warnings(f"defaults: {{cache: {{}}}}\nroutes: [{posts}]") == []


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        (f"routes: [{route('cache: {by: subject}')}]", ["routes[0].cache.by"]),
        (
            f"defaults: {{auth: none}}\nroutes: [{route('cache: {by: subject}')}]",
            ["routes[0].cache.by"],
        ),
        (
            f"defaults: {{auth: {{any_of: [keys]}}}}\nroutes: [{route('cache: {by: subject}')}]",
            [],
        ),
        # One of several routes has auth, so the key means something.
        (
            (
                "defaults: {auth: none, cache: {by: subject}}\n"
                f"routes: [{route('auth: {any_of: [keys]}')}]\ndiscover: false"
            ),
            [],
        ),
        (
            (
                "defaults: {auth: none, cache: {by: subject}}\n"
                f"routes: [{route('auth: none')}]\ndiscover: false"
            ),
            ["defaults.cache.by"],
        ),
        ("services: {s: {cache: {by: subject}}}\ndefaults: {auth: none}", ["services.s.cache.by"]),
        (f"routes: [{route('cache: {by: everyone}')}]\ndefaults: {{auth: none}}", []),
    ],
)
def test_by_subject_where_nobody_has_one(text: str, warned: list[str]) -> None:
    auth = AUTH if "auth" in text else ""
    found = [one for one in warnings(text, auth) if NOBODY in one]
    assert found == [f"{path}: {NOBODY}" for path in warned]


@pytest.mark.parametrize(
    ("cache", "auth", "is_told"),
    [
        ("{default_ttl: 1m}", "{any_of: [keys]}", True),
        ("{default_ttl: 1m, by: subject}", "{any_of: [keys]}", False),
        ("{default_ttl: 1m}", "none", False),
        ("{default_ttl: 1m}", "{any_of: [keys], shadow: true}", True),
        ("{default_ttl: 0}", "{any_of: [keys]}", False),
        ("{}", "{any_of: [keys]}", False),
    ],
)
def test_a_default_that_holds_for_no_answer_to_a_caller(
    cache: str, auth: str, is_told: bool
) -> None:
    text = f"defaults: {{auth: {{any_of: [keys]}}}}\nroutes: [{route(f'cache: {cache}', f'auth: {auth}')}]"
    found = [one for one in warnings(text, AUTH) if "all the same" not in one]
    assert found == ([f"routes[0].cache.default_ttl: {NOT_FOR_CALLERS}"] if is_told else [])


@pytest.mark.parametrize(("way", "is_told"), [("staff", True), ("keys", False)])
def test_cookies_that_are_taken_from_who_logs_in(way: str, is_told: bool) -> None:
    text = (
        f"defaults: {{auth: {{any_of: [{way}]}}, cache: {{strip_set_cookie: true}}}}\n"
        f"routes: [{route('auth: ' + '{any_of: [' + way + ']}')}]"
    )
    told = f"defaults.cache.strip_set_cookie: {NO_COOKIES}"
    assert warnings(text, AUTH) == ([told] if is_told else [])


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("cache: {memory: 3MiB}\ndefaults: {cache: {object: 2MiB}}", ["half of cache.memory"]),
        (
            "cache: {redis: 15MiB}\ndefaults: {cache: {object: 2MiB, stores: redis}}",
            ["an eighth of cache.redis"],
        ),
        ("cache: {memory: 4MiB}\ndefaults: {cache: {object: 2MiB}}", []),
        ("cache: {redis: 16MiB}\ndefaults: {cache: {object: 2MiB, stores: redis}}", []),
        ("cache: {memory: 1MiB}\nservices: {s: {cache: {stores: memory}}}", []),
    ],
)
def test_an_answer_that_is_too_large_for_its_store(text: str, warned: list[str]) -> None:
    assert warnings(text) == [
        f"defaults.cache.object: is more than {most}, and a store keeps no answer of that size"
        for most in warned
    ]


def test_the_shares_are_those_of_the_stores() -> None:
    shares = {store: share for store, (share, _) in LARGEST.items()}
    assert shares == {"memory": LARGEST_SHARE, "redis": MOST_SHARE}


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("cache: {memory: 1MiB, redis: 1MiB}", ["memory", "redis"]),
        ("cache: {memory: 1MiB, redis: 1MiB}\ndefaults: {cache: {}}", ["redis"]),
        ("cache: {redis: 1MiB}\nservices: {s: {cache: {stores: redis}}}", []),
        (f"cache: {{memory: 1MiB}}\nroutes: [{route('cors: null')}]", ["memory"]),
        ("cache: {}", []),
    ],
)
def test_the_bound_of_a_store_that_no_route_uses(text: str, warned: list[str]) -> None:
    assert warnings(text) == [
        f"cache.{store}: no route keeps answers there: none has cache with stores: {store}"
        for store in warned
    ]


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("ignore_query: [gclid, utm_*]", ["ignore_query[1]"]),
        ("ignore_headers: ['*', X-Debug]", ["ignore_headers[0]"]),
        ("vary_headers: [X-*]", ["vary_headers[0]"]),
        ("key_headers: [X-*, X-Plan]", ["key_headers[0]"]),
        ("vary_headers: ['*']", []),
        ("key_headers: ['*']", []),
    ],
)
def test_a_star_in_a_name_is_told_to_be_no_pattern(said: str, where: list[str]) -> None:
    text = f"routes: [{route(f'cache: {{{said}}}')}]"
    assert warnings(text) == [f"routes[0].cache.{key}: {STARS}" for key in where]


@pytest.mark.parametrize(
    ("inherited", "is_told"),
    [
        ("", True),
        ("defaults: {cache: null}\n", True),
        ("defaults: {cache: {}}\n", False),
        ("services: {s: {cache: {}}}\n", False),
    ],
)
def test_an_empty_cache_that_switches_nothing_off(inherited: str, is_told: bool) -> None:
    text = f"{inherited}routes: [{route('cache: null')}]"
    assert warnings(text) == ([f"routes[0].cache: {NOTHING_OFF}"] if is_told else [])


@pytest.mark.parametrize(
    ("level", "where"),
    [
        ("routes: [{name: a, match: {}, service: s, cache: {}, RULES}]", "routes[0]"),
        ("defaults: {RULES}\nservices: {s: {cache: {}}}", "defaults"),
        ("services: {s: {cache: {}, RULES}}", "services.s"),
    ],
)
def test_rules_that_make_each_answer_another_one_are_told(level: str, where: str) -> None:
    rules = 'response: {headers: {add: {X-A: "{method} {correlation_id}"}}}'
    assert warnings(level.replace("RULES", rules)) == [f"{where}.response: {DIFFERS}"]
    other = rules.replace("correlation_id", "client_ip")
    assert warnings(level.replace("RULES", other)) == []
