"""Media types as they stand in a document and in a message."""

from collections.abc import Iterable


def essence(text: str) -> str:
    """A media type without its parameters, in lower case."""
    return text.partition(";")[0].strip(" \t").lower()


def is_json(media_type: str) -> bool:
    return media_type == "application/json" or media_type.endswith("+json")


def chosen(media_type: str, offered: Iterable[str]) -> str | None:
    """The key of a document's `content` that a media type falls under: the most specific one."""
    kinds = {essence(key): key for key in offered}
    for kind in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if kind in kinds:
            return kinds[kind]
    return None
