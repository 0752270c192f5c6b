"""What `lockgate routes --file` prints of a route's policies."""

from pathlib import Path

import pytest

from tests.unit.gateway.cli.test_configuration_files import lockgate


@pytest.mark.parametrize(
    ("retries", "printed"),
    [
        ("{per_try: 300ms}", "retries.per_try 0.3 s services.shop"),
        ("{per_try: 0}", "retries.per_try no limit services.shop"),
        ("{budget: 0.2}", "retries.budget 0.2 services.shop"),
        ("{budget: 0}", "retries.budget 0 services.shop"),
    ],
)
def test_a_time_has_its_unit_and_a_budget_of_0_is_not_no_limit(
    tmp_path: Path, retries: str, printed: str
) -> None:
    (tmp_path / "a.yaml").write_text(
        f"services: {{shop: {{retries: {retries}}}}}\n"
        "routes: [{name: shop, match: {prefix: /shop}, service: shop}]\n"
    )
    status, rows, _ = lockgate(tmp_path, "routes", "--file", "a.yaml")
    assert status == 0
    assert printed in [" ".join(row.split()) for row in rows.splitlines()]


@pytest.mark.parametrize(
    ("cache", "printed"),
    [
        ("{default_ttl: 90s}", "cache.default_ttl 90 s services.shop"),
        ("{}", "cache.stale_if_error 0 s built in"),
        ("{object: 2KiB}", "cache.object 2048 bytes services.shop"),
        ("{strip_set_cookie: true}", "cache.strip_set_cookie true services.shop"),
        ("{}", "cache.strip_set_cookie false built in"),
        ("{ignore_query: [b, a]}", "cache.ignore_query a, b services.shop"),
        ("null", "cache none services.shop"),
    ],
)
def test_a_cache_is_told_with_units_and_a_time_of_0_is_not_no_limit(
    tmp_path: Path, cache: str, printed: str
) -> None:
    (tmp_path / "a.yaml").write_text(
        f"services: {{shop: {{cache: {cache}}}}}\n"
        "routes: [{name: shop, match: {prefix: /shop}, service: shop}]\n"
    )
    status, rows, _ = lockgate(tmp_path, "routes", "--file", "a.yaml")
    assert status == 0
    assert printed in [" ".join(row.split()) for row in rows.splitlines()]


def test_rules_are_told_as_json(tmp_path: Path) -> None:
    rules = '[{remove: /a}, {set: {/b: [1.0, "é", null]}}]'
    (tmp_path / "a.yaml").write_text(
        f"routes: [{{name: shop, match: {{}}, service: shop, response: {{json: {rules}}}}}]\n",
        encoding="utf-8",
    )
    status, rows, _ = lockgate(tmp_path, "routes", "--file", "a.yaml")
    assert status == 0
    told = 'response.json {"remove": ["/a"]}, {"set": {"/b": [1.0, "é", null]}} route'
    assert told in [" ".join(row.split()) for row in rows.splitlines()]
