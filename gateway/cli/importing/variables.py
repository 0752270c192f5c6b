"""Variables of compose files; nothing of this machine's environment is put in."""

import re

from gateway.cli.importing.model import Note
from gateway.cli.importing.tree import Text

_VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*):?-([^{}]*)\}")


def with_defaults(text: Text, notes: list[Note]) -> str:
    """The text with the defaults that it names; a variable without one stays as it is."""

    def default(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        notes.append(Note(text.place, f"{found[1]}: its default is taken"))
        return found[2]

    return _VARIABLE.sub(default, text.value)
