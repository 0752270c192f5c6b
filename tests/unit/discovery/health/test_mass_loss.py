"""Mass loss: when losses that are close together are most of a service."""

from hypothesis import given
from hypothesis import strategies as st

from discovery.health.mass_loss import (
    WINDOW_S,
    Loss,
    MassLosses,
    ServiceLosses,
    Standing,
    standing,
)
from discovery.model.instance import parse_registration
from discovery.view.view import Entry, Status, View

#: Events of one of five instances, each some seconds after the last.
steps = st.lists(
    st.tuples(
        st.sampled_from("abcde"),
        st.sampled_from(["there", "there", "lost", "left"]),
        st.sampled_from([0.0, 1.0, 25.0]),
    ),
    max_size=40,
)


def of(number: int) -> ServiceLosses:
    losses = ServiceLosses()
    for i in range(number):
        losses.note(f"s/{i}", "there", 0.0)
    return losses


def entry(**more: object) -> Entry:
    record = parse_registration("s", "a", {"host": "localhost", "port": 1})
    return Entry(record, 1, **more)  # type: ignore[arg-type]


def test_it_begins_with_the_instance_that_makes_more_than_half_and_is_said_once() -> None:
    losses = of(5)
    begins = [losses.note(f"s/{i}", "lost", float(i)) for i in range(5)]
    assert begins == [False, False, True, False, False]
    assert losses.loss(5.0) == Loss(5, 5)


def test_half_is_not_more_than_half() -> None:
    losses = of(4)
    assert not any(losses.note(f"s/{i}", "lost", 1.0) for i in range(2))


def test_who_leaves_while_it_is_well_is_not_lost() -> None:
    losses = of(3)
    for i in range(3):
        assert not losses.note(f"s/{i}", "left", 1.0)
        assert not losses.note(f"s/{i}", "lost", 2.0)
        losses.note(f"new/{i}", "there", 3.0)
    assert losses.loss(3.0) == Loss(0, 3)


def test_who_was_lost_counts_on_when_it_is_removed() -> None:
    losses = of(3)
    for i in range(2):
        losses.note(f"s/{i}", "lost", 1.0)
        losses.note(f"s/{i}", "left", 2.0)
    assert losses.loss(2.0) == Loss(2, 3)


def test_a_rolling_restart_without_goodbyes_and_under_new_ids_is_no_loss() -> None:
    """Two of three instances were healthy all the time, but the third restart counted as a mass loss."""
    losses = of(3)
    for i in range(3):
        assert not losses.note(f"s/{i}", "lost", 1.0)
        losses.note(f"new/{i}", "there", 2.0)
    assert losses.loss(2.0) == Loss(0, 3)


def test_losses_far_apart_are_not_one_and_a_second_mass_loss_is_said_again() -> None:
    losses = of(3)
    assert not losses.note("s/0", "lost", 0.0)
    assert not losses.note("s/1", "lost", WINDOW_S)
    for i in range(3):
        losses.note(f"s/{i}", "there", WINDOW_S)
    again = [losses.note(f"s/{i}", "lost", WINDOW_S) for i in range(2)]
    assert again == [False, True]
    assert losses.loss(3 * WINDOW_S) == Loss(0, 1)


@given(steps)
def test_it_is_what_a_look_at_the_whole_history_says(
    taken: list[tuple[str, Standing, float]],
) -> None:
    losses = ServiceLosses()
    now_s = 0.0
    well: dict[str, bool] = {}
    lost_at_s: dict[str, float] = {}
    for key, stands, later_s in taken:
        now_s += later_s
        before = losses.loss(now_s).is_mass
        begins = losses.note(key, stands, now_s)
        lost_at_s = {k: at_s for k, at_s in lost_at_s.items() if now_s - at_s < WINDOW_S}
        if stands == "there" and not well.get(key) and lost_at_s:
            del lost_at_s[key if key in lost_at_s else min(lost_at_s, key=lost_at_s.__getitem__)]
        elif stands == "lost" and well.get(key):
            lost_at_s[key] = now_s
        well[key] = stands == "there"
        lost = len(lost_at_s)
        assert losses.loss(now_s) == Loss(lost, lost + sum(well.values()))
        assert begins == (losses.loss(now_s).is_mass and not before)


def test_of_a_large_view_only_what_has_changed_is_looked_at() -> None:
    """Each forgotten instance had all looked at: with ten thousand, nobody was answered for 70 ms."""
    asked: list[str] = []

    def status_of(key: str) -> Status:
        asked.append(key)
        return "healthy"

    losses = MassLosses(status_of)
    entries = {name: {f"{name}/a": entry(), f"{name}/b": entry()} for name in ("s", "t", "u")}
    before = View(services=entries)
    losses.view_changed(View(), before, None)
    assert sorted(asked) == sorted(key for some in entries.values() for key in some)

    asked.clear()
    lapsed = {**entries["t"], "t/b": entry(absent="lapsed")}
    losses.view_changed(before, View(services={"s": entries["s"], "t": lapsed}), None)
    assert sorted(asked) == ["t/b", "u/a", "u/b"]
    assert losses.present() == {}


def test_how_an_entry_stands() -> None:
    assert standing(entry(), "healthy") == "there"
    assert standing(entry(), "unhealthy") == "lost"
    assert standing(entry(), "starting") == "left"
    assert standing(entry(draining=True), "unhealthy") == "left"
    assert standing(entry(absent="lapsed"), "healthy") == "lost"
    assert standing(entry(absent="lost"), "healthy") == "there"
    assert standing(None, "healthy") == "left"
