from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.validate.deciding.paths import Paths


def tree(*templates: Any) -> Any:
    made = Paths()
    for one in templates:
        method, _, template = one.partition(" ")
        made.add(template, method, one)
    return made


PATHS = tree(
    "GET /",
    "GET /users/me",
    "GET /users/{id}",
    "DELETE /users/{id}",
    "GET /users/{id}/pets/{pet}",
    "GET /files/{name}.{ext}",
    "GET /files/{name}",
    "GET /slash/",
    "GET /a b",
)


@pytest.mark.parametrize(
    ("method", "path", "operation", "values"),
    [
        ("GET", "/", "GET /", {}),
        ("GET", "/users/me", "GET /users/me", {}),
        ("GET", "/users/7", "GET /users/{id}", {"id": "7"}),
        ("DELETE", "/users/me", "DELETE /users/{id}", {"id": "me"}),
        ("GET", "/users/7/pets/9", "GET /users/{id}/pets/{pet}", {"id": "7", "pet": "9"}),
        ("GET", "/files/a.b.txt", "GET /files/{name}.{ext}", {"name": "a", "ext": "b.txt"}),
        ("GET", "/files/readme", "GET /files/{name}", {"name": "readme"}),
        ("GET", "/slash/", "GET /slash/", {}),
        ("GET", "/a%20b", "GET /a b", {}),
        ("GET", "/users/a%2Fb", "GET /users/{id}", {"id": "a%2Fb"}),
    ],
)
def test_a_path_leads_to_its_operation(method: Any, path: Any, operation: Any, values: Any) -> None:
    found = PATHS.find(method, path)
    assert found == (operation, values)


@pytest.mark.parametrize(
    "asked",
    [
        "POST /",
        "GET /users",
        "GET /users/",
        "GET /slash",
        "GET /users/7/",
        "GET //",
        "PUT /users/7",
    ],
)
def test_no_other_path_does(asked: Any) -> None:
    method, _, path = asked.partition(" ")
    assert PATHS.find(method, path) is None


def test_a_path_of_thousands_of_segments_leads_nowhere() -> None:
    assert PATHS.find("GET", "/users" * 5000) is None


@given(st.lists(st.sampled_from("ab{}"), min_size=1, max_size=8))
def test_templates_that_share_their_beginning_are_all_found(parts: Any) -> None:
    template = "".join(f"/{{p{i}}}" if part in "{}" else f"/{part}" for i, part in enumerate(parts))
    made = tree("GET " + "/a" * 8, f"GET {template}")
    path = "".join("/v" if part in "{}" else f"/{part}" for part in parts)
    found = made.find("GET", path)
    assert found is not None
