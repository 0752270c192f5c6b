"""What an identity must have for a route."""

import pytest

from middlewares.auth.deciding import Identity, Missing, Requirement


def identity(*scopes: str, **claims: object) -> Identity:
    return Identity("w", "jwt", "ada", frozenset(scopes), claims)


@pytest.mark.parametrize(
    ("needed", "has", "missing"),
    [
        (Requirement(("w",)), identity(), None),
        (Requirement(("w",), all_scopes=("a", "b")), identity("a", "b", "c"), None),
        (
            Requirement(("w",), all_scopes=("a", "b")),
            identity("b"),
            Missing("it needs the scope a", ("a",)),
        ),
        (Requirement(("w",), any_scopes=("a", "b")), identity("b"), None),
        (
            Requirement(("w",), any_scopes=("a", "b")),
            identity("c"),
            Missing("it needs one of the scopes a, b", ("a", "b")),
        ),
    ],
)
def test_scopes(needed: Requirement, has: Identity, missing: Missing | None) -> None:
    assert needed.missing(has) == missing


@pytest.mark.parametrize(
    ("claim", "admitted"),
    [
        ("admin", True),
        (("user", "admin"), True),
        ("administrator", False),
        ("", False),
        ((), False),
        (True, False),
    ],
)
def test_a_claim_has_one_of_the_values(claim: object, admitted: bool) -> None:
    needed = Requirement(("w",), claims=(("role", frozenset(["admin", "root"])),))
    assert (needed.missing(identity(role=claim)) is None) is admitted


def test_a_claim_that_is_not_there_is_missing() -> None:
    assert Requirement(("w",), claims=(("role", frozenset(["a"])),)).missing(identity()) is not None


@pytest.mark.parametrize(
    ("claim", "text"), [(True, "true"), (False, "false"), (7, "7"), (0.5, "0.5")]
)
def test_values_that_are_no_text_are_compared_as_the_file_writes_them(
    claim: object, text: str
) -> None:
    needed = Requirement(("w",), claims=(("c", frozenset([text])),))
    assert needed.missing(identity(c=claim)) is None


@pytest.mark.parametrize("subject", ["", "a\r\nX-Admin: 1", "a" * 257, "\x7f", "é" * 129])
def test_a_subject_that_no_field_can_have_is_no_identity(subject: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        Identity("w", "jwt", subject)


def test_a_scope_that_no_field_can_have_is_no_identity() -> None:
    with pytest.raises(ValueError, match="scope"):
        Identity("w", "jwt", "ada", frozenset(["a\r\nX-Admin: 1"]))


def test_no_two_ways_share_a_key() -> None:
    assert Identity("a", "jwt", "x").key != Identity("b", "jwt", "x").key
    assert Identity("a", "jwt", "x").key == Identity("a", "api_key", "x").key
