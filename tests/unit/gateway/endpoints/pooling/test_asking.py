"""Documents of several workers, some of which may not answer."""

from typing import Any

from gateway.endpoints.pooling.asking import Asking, Told
from gateway.siblings.packing import packed
from gateway.siblings.siblings import Member, Siblings


class Workers(Siblings):
    """Slots 0 to 3; 0 asks, and two of the others do not answer."""

    @property
    def alone(self) -> bool:
        return False

    def __init__(self) -> None:
        super().__init__()
        self.members = [Member(str(7 + n), n, 7 + n, "ready", 0.0) for n in range(4)]

    async def ask_each(
        self, topic: str, body: Any = None, within_s: float = 2.0
    ) -> tuple[dict[str, Any], set[str]]:
        return {"9": await packed([topic, body]), "8": None}, {"8", "10", "11"}


async def test_those_that_answer_are_told_and_the_slots_of_the_others() -> None:
    told = await Asking(Workers()).ask_each("versions", 5)

    assert told.documents == [["versions", 5]]
    assert told.missing == [1, 3]  # "11" has ended meanwhile


async def test_in_a_gateway_of_one_process_nobody_is_missing() -> None:
    told = await Asking(Siblings()).ask_each("versions")

    assert told.completed({"routes": []}) == {"routes": []}


def test_a_document_says_who_is_missing_only_if_somebody_is() -> None:
    assert Told([], [1, 3]).completed({"a": 1}) == {"a": 1, "missing_workers": [1, 3]}
    assert Told([{}], []).completed({"a": 1}) == {"a": 1}
