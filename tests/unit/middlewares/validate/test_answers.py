import pytest

from middlewares.validate.answers import AnswerCheck, AnswerSink
from middlewares.validate.counting import ValidationCounts
from middlewares.validate.deciding.documents import Options
from middlewares.validate.reporting import Reports
from tests.support.openapi import described

CONTENT = {"content": {"application/json": {"schema": {"type": "object"}}}}
FIELDS = [(b"Content-Type", b"application/json")]


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [(200, b"{}", "valid"), (200, b"[]", "invalid"), (206, b'": 1}', "unchecked")],
)
def test_a_part_of_a_body_is_not_taken_for_the_whole(
    status: int, body: bytes, outcome: str
) -> None:
    document = described(
        {"/": {"get": {"responses": {"2XX": CONTENT}}}}, options=Options(answers=True)
    )
    match = document.find("GET", "/")
    assert match is not None
    counts = ValidationCounts()
    check = AnswerCheck("shop", "order_service", match.operation, counts, Reports())
    sink = AnswerSink.of(check, match.operation, document, "GET", status, FIELDS)
    if sink is not None:
        sink.take(body)
        sink.end()
    assert counts.answers == {("order_service", outcome): 1}
