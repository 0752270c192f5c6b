"""Each row of tests/routes/table.yaml: a request, a file, and the route that wins or the refusal."""

import json

import pytest

from gateway.config.file.loading import read_bytes
from middlewares.header_section import HeaderSection
from middlewares.routing.matching.matcher import Ambiguous, Hit, Matcher
from middlewares.routing.rewriting import rewritten
from tests.support.route_table import Route, Row, match_of, redirect_of, rewrite_of, rows

ROWS = rows()


def ask(row: Row) -> Hit[Route] | Ambiguous[Route] | None:
    matcher = Matcher([(match_of(route), route) for route in row.routes])
    path, _, query = row.asked_target.partition("?")
    section = HeaderSection([(name.encode(), value.encode()) for name, value in row.fields])
    return matcher.find(row.host.encode(), path, row.method, section, query)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_request_goes_where_the_table_says(row: Row) -> None:
    found = ask(row)

    if row.refused == "route_not_found":
        assert found is None
    elif row.refused == "ambiguous_path":
        assert isinstance(found, Ambiguous)
    else:
        assert isinstance(found, Hit)
        assert found.route["name"] == row.wins


@pytest.mark.parametrize("row", [row for row in ROWS if row.target], ids=str)
def test_an_instance_gets_the_target_of_the_table(row: Row) -> None:
    found = ask(row)
    assert isinstance(found, Hit)
    assert rewritten(row.asked_target, found, rewrite_of(found.route)) == row.target


@pytest.mark.parametrize("row", [row for row in ROWS if row.location], ids=str)
def test_a_client_is_sent_where_the_table_says(row: Row) -> None:
    found = ask(row)
    assert isinstance(found, Hit)
    redirect = redirect_of(found.route)
    location = redirect.location(
        row.asked_target, found, scheme="http", authority=row.host.encode()
    )
    assert location == row.location
    assert row.status is None or redirect.status == row.status


def test_each_subject_is_a_file_without_mistakes() -> None:
    files = {row.subject: row.routes for row in ROWS}
    for subject, routes in files.items():
        read = read_bytes(json.dumps({"discover": False, "routes": routes}).encode())
        assert read.errors == (), subject


def test_the_table_is_as_large_as_it_should_be() -> None:
    assert len({str(row) for row in ROWS}) == len(ROWS) >= 120
