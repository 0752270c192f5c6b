"""The book of health keeps ejections beside what probes say."""

from discovery.health.book import HealthBook
from discovery.health.machine import Health
from discovery.model.instance import Instance

ONE, RENAMED = (Instance(name=name, id="a", host="h", port=1) for name in ("price", "prices"))


def book() -> HealthBook:
    made = HealthBook(lambda _instance, _before, _after: None)
    made.note(ONE, Health(status="healthy", evidence="GET /health answers 200"))
    return made


def changes(there: HealthBook, instance: Instance = ONE) -> list[tuple[str, str, str]]:
    return [(one.before, one.after, one.evidence) for one in there.history(instance.key)]


def test_an_ejection_and_a_readmission_are_in_the_history() -> None:
    there = book()
    there.eject(ONE, "it fails")
    assert there.ejection(ONE.key) == "it fails"
    there.readmit(ONE, "it answers")

    assert not there.is_ejected(ONE.key)
    assert changes(there)[1:] == [
        ("healthy", "ejected", "it fails"),
        ("ejected", "healthy", "it answers"),
    ]


def test_each_of_them_makes_what_is_derived_old() -> None:
    there = book()
    before = there.revision
    there.eject(ONE, "it fails")
    there.readmit(ONE, "it answers")

    assert there.revision == before + 2


def test_who_is_in_is_not_readmitted() -> None:
    there = book()
    before = there.revision

    there.readmit(ONE, "it answers")

    assert there.revision == before


def test_a_probe_that_passes_changes_nothing_of_it() -> None:
    there = book()
    there.eject(ONE, "it fails")

    there.note(ONE, Health(status="healthy", latest="GET /health answers 200"))

    assert there.is_ejected(ONE.key)


def test_it_goes_along_to_another_name() -> None:
    there = book()
    there.eject(ONE, "it fails")

    there.move(ONE.key, RENAMED)

    assert there.is_ejected(RENAMED.key)
    assert not there.is_ejected(ONE.key)


def test_it_is_forgotten_with_the_instance() -> None:
    there = book()
    there.eject(ONE, "it fails")
    there.forget(ONE.key)
    assert not there.is_ejected(ONE.key)

    there.eject(ONE, "it fails")
    there.begin(ONE)
    assert not there.is_ejected(ONE.key)
