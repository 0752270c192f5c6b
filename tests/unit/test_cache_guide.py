"""docs/cache.md has a row for each reason why an answer is not kept."""

import re

from middlewares.cache.deciding.storing import NotKept
from tests.support.documents import rows_of


def test_each_reason_why_an_answer_is_not_kept_is_in_the_table() -> None:
    reasons = set(re.findall(r"`([a-z-]+)`", NotKept.__doc__ or ""))
    rows = rows_of("docs/cache.md", "What is kept")
    written = {reason for cells in rows for reason in cells[0].split(", ")}
    assert len(reasons) > 10
    assert reasons <= written
