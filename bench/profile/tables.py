"""What was measured, as tables: all workloads side by side, then one table for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.profile.floor import Floor
from bench.profile.profiling import Profile
from bench.profile.rooms import ORDER, Room

_FUNCTIONS_SHOWN = 3
_OF_THE_KERNEL_SHOWN = 8
_FIGURES = (
    *("workload", "CPU µs", "user", "kernel", "floor of the kernel", "floor at full speed"),
    *("bytecodes", "reads", "writes", "bytes read", "bytes written"),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One workload; `steps` are the bytecodes by part."""

    profile: Profile
    floor: Floor | None
    steps: dict[str, Room]

    @property
    def name(self) -> str:
        return self.profile.workload.name


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(measured: Sequence[Measured]) -> list[Table]:
    with_shares = [one for one in measured if one.profile.shares is not None]
    return [
        _side_by_side(measured),
        *([_by_program(with_shares), _by_kernel_function(with_shares)] if with_shares else []),
        *(_of_one(one) for one in measured),
    ]


def _side_by_side(measured: Sequence[Measured]) -> Table:
    return Table("All workloads, per request", _FIGURES, [_figures(one) for one in measured])


def _figures(one: Measured) -> Sequence[str]:
    profile, calls, lowest = one.profile, one.profile.calls, one.floor
    return (
        one.name,
        f"{profile.cpu_us:.1f}",
        f"{profile.cpu_us - profile.kernel_us:.1f}",
        f"{profile.kernel_us:.1f}",
        f"{lowest.same_pace_us:.1f}" if lowest else "?",
        f"{lowest.full_speed_us:.1f}" if lowest else "?",
        f"{sum(room.total for room in one.steps.values()):,.0f}",
        f"{calls.reads:.2f}",
        f"{calls.writes:.2f}",
        f"{calls.bytes_read:,.0f}",
        f"{calls.bytes_written:,.0f}",
    )


def _by_program(measured: Sequence[Measured]) -> Table:
    """µs by what ran: the interpreter, libraries, and the kernel by system call."""
    columns = [_us(one, kernel_functions=False) for one in measured]
    return _beside("What ran, µs per request", measured, columns, most=None)


def _by_kernel_function(measured: Sequence[Measured]) -> Table:
    columns = [
        {f"`{name}`": us for name, us in _us(one, kernel_functions=True).items()}
        for one in measured
    ]
    title = "The kernel's functions with most time, µs per request"
    return _beside(title, measured, columns, most=_OF_THE_KERNEL_SHOWN)


def _us(one: Measured, *, kernel_functions: bool) -> dict[str, float]:
    shares = one.profile.shares
    if shares is None:
        return {}
    part = shares.functions if kernel_functions else shares.parts
    return {name: share * one.profile.cpu_us for name, share in part.items()}


def _beside(
    title: str, measured: Sequence[Measured], columns: Sequence[dict[str, float]], most: int | None
) -> Table:
    """A column for each workload; the rows with most time in all of them together come first."""
    totals = {name: sum(c.get(name, 0.0) for c in columns) for c in columns for name in c}
    names = sorted(totals, key=totals.__getitem__, reverse=True)[:most]
    rows = [(name, *(f"{column.get(name, 0.0):.1f}" for column in columns)) for name in names]
    return Table(title, ("", *(one.name for one in measured)), rows)


def _of_one(one: Measured) -> Table:
    rooms, steps = one.profile.rooms, one.steps
    rows = [
        _row(name, rooms.get(name, Room()), steps.get(name, Room()), one.profile.cpu_us)
        for name in ORDER
        if name in rooms or name in steps
    ]
    whole = sum(room.total for room in steps.values())
    rows.append(("all", f"{one.profile.cpu_us:.1f}", "100 %", f"{whole:.0f}", ""))
    title = f"{one.profile.workload.title} (`{one.name}`), {one.profile.samples:,} samples"
    return Table(title, ("part", "µs", "share", "bytecodes", "most µs in"), rows)


def _row(name: str, room: Room, steps: Room, cpu_us: float) -> Sequence[str]:
    return (
        name,
        f"{room.total:.1f}",
        f"{100 * room.total / cpu_us:.0f} %",
        f"{steps.total:.0f}",
        room.most(_FUNCTIONS_SHOWN, digits=1),
    )
