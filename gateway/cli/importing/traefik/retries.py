"""Reads Traefik's middleware `retry`."""

from gateway.cli.importing.model import Imported, Note, Place, Route, Value
from gateway.cli.importing.tree import Table

_MOST_ATTEMPTS = 10


def put_retries(name: str, table: Table, route: Route, place: Place, *, imported: Imported) -> None:
    """Put it into the route's service; Traefik counts the first attempt too."""
    attempts = table.text("attempts")
    if not (attempts.isascii() and attempts.isdigit() and len(attempts) < 10):
        route.notes.append(Note(place, f"retry of {name}: its attempts are not understood"))
        return
    number = min(max(int(attempts), 1), _MOST_ATTEMPTS)
    retries: dict[str, Value] = {"attempts": number, "on": ["connect", "reset"]}
    imported.repeat(route, retries, place, f"retry of {name}")
    for key, entry in table.entries.items():
        if key.lower() != "attempts":
            hint = "Lockgate's pauses are its own"
            if key.lower() != "initialinterval":
                hint = "not understood"
            route.notes.append(Note(entry.place, f"{key} of {name}: {hint}"))
