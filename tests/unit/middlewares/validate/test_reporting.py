import structlog

from middlewares.validate.deciding.documents import Document
from middlewares.validate.deciding.operations import Operation
from middlewares.validate.deciding.unfit import Unfit
from middlewares.validate.reporting import Reports

DOCUMENT = Document("3.1.0", names=frozenset(["users", "a/b"]))
UNFIT = [
    Unfit("body", "", "/users/3/hunter2", "type string"),
    Unfit("body", "", "/a~1b", "type integer"),
    *[Unfit("query", "n", "", "at most 3")] * 5,
]


def test_one_record_of_a_service_is_written_and_the_others_are_counted() -> None:
    reports, operation = Reports(), Operation("POST /users")
    with structlog.testing.capture_logs() as records:
        for _ in range(50):
            reports.request("shop", "orders", operation, DOCUMENT, UNFIT)
        reports.answer("shop", "orders", operation, DOCUMENT, UNFIT)
        reports.request("shop", "others", None, None, UNFIT)
    assert [(one["event"], one["service"]) for one in records] == [
        ("validation.request", "orders"),
        ("validation.answer", "orders"),
        ("validation.request", "others"),
    ]


def test_a_name_that_only_the_message_has_is_not_written() -> None:
    with structlog.testing.capture_logs() as records:
        Reports().request("shop", "orders", None, DOCUMENT, UNFIT)
    assert records[0]["errors"] == [
        "body /users/3/*: expected type string",
        "body /a~1b: expected type integer",
        "query n: expected at most 3",
    ]


def test_a_name_of_digits_is_no_index() -> None:
    unfit = [Unfit("body", "", "/3/4111111111111111", "no member of this name")]
    with structlog.testing.capture_logs() as records:
        Reports().request("shop", "orders", None, DOCUMENT, unfit)
    assert records[0]["errors"] == ["body /3/*: expected no member of this name"]
