"""How the cases of http-cache-tests are counted."""

from bench.cache import explained, suite
from bench.cache.suite import Case


def case(id_: str, *, wrong: str = "", depends_on: tuple[str, ...] = ()) -> Case:
    return Case("some", id_, "required", f"the case {id_}", depends_on, wrong)


def test_a_case_passes_if_nothing_was_wrong() -> None:
    assert suite.passed([case("a"), case("b", wrong="Assertion: it was")]) == {
        "a": True,
        "b": False,
    }


def test_a_case_does_not_pass_if_one_that_it_depends_on_did_not() -> None:
    cases = [
        case("a", wrong="Assertion: it was"),
        case("b", depends_on=("a",)),
        case("c", depends_on=("b",)),
    ]
    assert suite.passed(cases) == {"a": False, "b": False, "c": False}


def test_each_case_that_is_missed_is_explained_in_the_document() -> None:
    text = explained.DOCUMENT.read_text("utf-8")
    assert [id_ for id_ in explained.EXPLAINED if f"`{id_}`" not in text] == []
