"""A worker asks its siblings for the certificates that it lacks."""

from collections.abc import Mapping

from structlog.testing import capture_logs

from gateway.acme.deciding.state import Certificate
from gateway.worker.certificates_of_siblings import PAGE, TOPIC, CertificatesOfSiblings
from tests.support.worker_groups import Group

HERE = "https://authority.example/dir"
DOMAINS = [f"shop{number}.example" for number in range(2 * PAGE + 1)]
ALL = {domain: Certificate(f"chain of {domain}", "key") for domain in DOMAINS}


def joined(
    group: Group, worker: str, held: Mapping[str, Certificate], state: str = "ready"
) -> CertificatesOfSiblings:
    def of(directory: str) -> Mapping[str, Certificate]:
        return held if directory == HERE else {}

    return CertificatesOfSiblings(group.join(worker, state), of)


async def test_many_come_in_pages() -> None:
    group = Group()
    new = joined(group, "1", {}, "starting")
    joined(group, "2", ALL)
    assert await new.get(HERE, DOMAINS) == ALL


async def test_what_one_sibling_lacks_another_one_is_asked_for() -> None:
    group = Group()
    new = joined(group, "1", {}, "starting")
    joined(group, "2", {DOMAINS[0]: ALL[DOMAINS[0]]})
    joined(group, "3", ALL)
    assert await new.get(HERE, DOMAINS[:3]) == {one: ALL[one] for one in DOMAINS[:3]}


async def test_one_that_hangs_or_starts_itself_is_passed_over() -> None:
    group = Group()
    new = joined(group, "1", {}, "starting")
    joined(group, "2", ALL)
    joined(group, "3", {}, "starting")
    group.hanging.add("2")
    assert await new.get(HERE, DOMAINS) == {}
    joined(group, "4", ALL)
    assert await new.get(HERE, DOMAINS) == ALL


async def test_none_is_of_another_directory() -> None:
    group = Group()
    new = joined(group, "1", {})
    joined(group, "2", ALL)
    assert await new.get("https://other.example/dir", DOMAINS) == {}


async def test_what_another_release_says_otherwise_is_left_out() -> None:
    group = Group()
    new = joined(group, "1", {})

    async def otherwise(_asked: object) -> object:
        return 7

    async def unfit(_asked: object) -> object:
        return {DOMAINS[0]: "no JSON", DOMAINS[1]: 5}

    with capture_logs() as logs:
        group.join("2").answers(TOPIC, otherwise)
        group.join("3").answers(TOPIC, unfit)
        assert await new.get(HERE, DOMAINS[:2]) == {}
    assert "sibling.not_understood" in [entry["event"] for entry in logs]
