"""What a file says of changes in heads, as rules and in words."""

from gateway.config.compiled.transform import request_of, response_of, rewrites_location, rows
from gateway.config.file.transform import Request, Response
from middlewares.transform.deciding.fields import FieldPlan
from middlewares.transform.deciding.rules import NamedRules
from middlewares.transform.deciding.variables import parse_template

GENERAL = Request.model_validate(
    {"headers": {"set": {"X-A": "{subject}"}, "remove": ("X-B",)}, "query": {"add": {"v": "2"}}}
)
SPECIAL = Request.model_validate({"headers": {"rename": {"X-C": "X-D"}}, "path": "/a/{path.rest}"})


def test_each_key_is_that_of_the_most_specific_level() -> None:
    rules = request_of([GENERAL, SPECIAL])
    assert rules is not None
    assert rules.headers == FieldPlan(NamedRules(rename=(("X-C", "X-D"),)), of_requests=True)
    assert rules.query is not None
    assert rules.query.rules == NamedRules(add=(("v", parse_template("2")),))
    assert rules.path == parse_template("/a/{path.rest}")
    assert {str(one) for one in rules.variables} == {"path.rest"}


def test_null_takes_back_what_more_general_levels_say() -> None:
    assert request_of([GENERAL, None]) is None
    assert request_of([GENERAL, None, SPECIAL]) == request_of([SPECIAL])
    without = request_of([GENERAL, Request.model_validate({"headers": None})])
    assert without is not None
    assert without.headers is None
    assert without.query is not None


def test_answers_have_rules_of_their_own() -> None:
    rules = response_of(
        [Response.model_validate({"headers": {"remove": ("X_A",)}, "errors": True})]
    )
    assert rules is not None
    assert rules.errors
    assert rules.headers == FieldPlan(NamedRules(remove=("X_A",)))
    assert not rewrites_location([True, False])
    assert rewrites_location([False, True])


def test_each_rule_is_shown_with_its_level() -> None:
    levels = [("route", SPECIAL), ("defaults", GENERAL)]
    assert list(rows("request", levels)) == [
        ("request.headers.rename.X-C", "X-D", "route"),
        ("request.path", "/a/{path.rest}", "route"),
        ("request.query.add.v", "2", "defaults"),
    ]
    assert list(rows("request", [("route", None), ("defaults", GENERAL)])) == [
        ("request", None, "route")
    ]
    assert next(iter(rows("request", [("route", SPECIAL), ("services.a", None)])))[2] == "route"
