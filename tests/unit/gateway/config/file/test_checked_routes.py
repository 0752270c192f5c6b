"""A route that stands in the file as before is not checked again; any other one is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from discovery.base.steps import at_once
from gateway.config.file.checked_routes import CheckedRoutes
from gateway.config.file.loading import read_bytes, reading

TIMEOUTS = st.sampled_from(["5", "5.0", "'5'", "5s", "true", "6", "-1", "{}"])
ROUTES = st.lists(st.tuples(st.sampled_from("abc"), TIMEOUTS), max_size=4)


def text_of(routes: list[tuple[str, str]]) -> bytes:
    lines = (
        f"- {{name: {name}, match: {{prefix: /{name}}}, service: s, timeouts: {{head: {head}}}}}\n"
        for name, head in routes
    )
    return ("routes:\n" + "".join(lines)).encode()


@given(st.lists(ROUTES, max_size=4))
def test_a_file_is_read_as_if_for_the_first_time(files: list[list[tuple[str, str]]]) -> None:
    routes = CheckedRoutes()
    for file in files:
        again, first = at_once(reading(text_of(file), routes)), read_bytes(text_of(file))
        assert (again.configuration, again.mistakes) == (first.configuration, first.mistakes)


def test_the_same_route_is_the_same_object() -> None:
    routes = CheckedRoutes()
    one = {"name": "a", "match": {"prefix": "/a"}, "service": "s"}
    first = routes.check(one)
    routes.forget_others()
    assert routes.check(dict(one)) is first
    routes.forget_others()
    routes.forget_others()
    assert routes.check(one) is not first


def test_mistakes_are_found_again() -> None:
    routes = CheckedRoutes()
    for _ in range(2):
        with pytest.raises(ValidationError):
            routes.check({"name": "A"})
        routes.forget_others()
