"""A route's split as the layer uses it, and in words."""

from gateway.config.compiled.split import rows, split_of
from gateway.config.file.split import Split
from middlewares.split.deciding.evidence import Margins
from middlewares.split.policy import Override


def section(**said: object) -> Split:
    return Split.model_validate({"shares": {">=2": 5, "^1": 95}, **said})


def test_the_example_of_the_contract() -> None:
    made = split_of(
        [section(by="subject", rollback={"errors": 0.02, "latency": 1.5, "over": "60s"})]
    )
    assert made is not None
    assert (made.by, made.names, made.weights) == ("subject", (">=2", "^1"), (5.0, 95.0))
    assert made.plan.canary == 0
    assert made.plan.margins == Margins(0.02, 1.5, 60.0, 20)
    assert made.shares[0].range is not None
    assert made.shares[0].range.holds("2.0.0")


def test_other_services_are_shares_without_a_range() -> None:
    made = split_of([Split.model_validate({"shares": {"order_v1": 95, "order_v2": 5}})])
    assert made is not None
    assert [share.range for share in made.shares] == [None, None]
    assert (made.plan.canary, made.plan.is_watched) == (1, False)


def test_steps_come_with_the_default_margins_unless_they_are_switched_off() -> None:
    with_steps = split_of([section(steps=(5.0, 25.0))])
    assert with_steps is not None
    assert with_steps.plan.margins == Margins()
    without = split_of([section(steps=(5.0, 25.0), rollback=None)])
    assert without is not None
    assert without.plan.margins is None


def test_names_of_headers_are_in_lower_case_and_those_of_cookies_are_not() -> None:
    made = split_of([section(by={"header": "X-User"}, override={"cookie": "Version"})])
    assert made is not None
    assert (made.by, made.name, made.override) == (
        "header",
        b"x-user",
        Override("cookie", b"Version"),
    )


def test_a_null_switches_it_off() -> None:
    assert split_of([section(), None]) is None
    assert list(rows([("route", None)], None)) == [("split", None, "route")]
    assert list(rows([], None)) == []


def test_its_words() -> None:
    said = section(
        by={"header": "X-User"}, steps=(5.0, 25.0), override={"header": "X-V"}, on_breach="freeze"
    )
    made = split_of([said])
    assert [(key, value) for key, value, _ in rows([("route", said)], made)] == [
        ("split.by", "header x-user"),
        ("split.shares", ">=2: 5, ^1: 95"),
        ("split.canary", ">=2"),
        ("split.steps", "5 % → 25 %, each 600 s and 100 requests"),
        (
            "split.rollback",
            "2 % more failures or 1.5 times as slow in 60 s of 20 requests or more; then freeze",
        ),
        ("split.override", "header x-v"),
    ]


def test_another_order_or_spelling_of_the_same_shares_is_the_same_split() -> None:
    said = [{">=2": 5, "^1": 95}, {"^1": 95.0, ">=2": 5.0}]
    made = [split_of([Split.model_validate({"shares": one, "steps": (5, 25)})]) for one in said]
    assert made[0] == made[1]
    assert made[0] is not None
    assert made[1] is not None
    assert made[0].print == made[1].print
