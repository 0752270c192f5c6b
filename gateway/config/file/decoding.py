"""The file's bytes as text: UTF-8 without what no editor shows."""

import re

from gateway.config.file.bounds import MAX_BYTES
from gateway.config.file.mistakes import Mistake, Position

_BYTE_ORDER_MARK = "\ufeff"
_BREAK = re.compile(r"\r\n|\r|\n")
#: Control characters but tab and line breaks. Parsers of YAML 1.1 take U+0085, U+2028 and U+2029 for
#: line breaks, those of 1.2 do not.
_NOT_SHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class Undecodable(Exception):
    """The bytes are not text that a file may have."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake)
        self.mistake = mistake


def decode(data: bytes) -> str:
    """The text of the file. Undecodable: where it is not UTF-8, or has characters that nobody sees."""
    if len(data) > MAX_BYTES:
        raise _undecodable("", f"the file is larger than {MAX_BYTES // 1024**2} MiB")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _undecodable("", "the file is UTF-16; save it as UTF-8")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        raise _undecodable(
            before, f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None
    if text.startswith(_BYTE_ORDER_MARK):
        raise _undecodable(
            "", "the file begins with a byte order mark; save it as UTF-8 without one"
        )
    if found := _NOT_SHOWN.search(text):
        code = f"{ord(found[0]):04X}"
        hint = f'write it in double quotes as "\\u{code}"' if found[0] != "\0" else "remove it"
        raise _undecodable(text[: found.start()], f"the character U+{code} can't be seen; {hint}")
    return text


def end_of(text: str) -> Position:
    """The position behind the text."""
    lines = _BREAK.split(text)
    return Position(len(lines), len(lines[-1]) + 1)


def _undecodable(before: str, message: str) -> Undecodable:
    return Undecodable(Mistake(end_of(before), "", message))
