"""Failures of the stack, for people: one line, and the end of a log if it helps."""


class UsageError(Exception):
    """The request is not valid; the message names the input and what is allowed."""


class StackError(Exception):
    """The stack can't do what was asked; the message says which part and what to do."""

    def __init__(self, message: str, log_lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.log_lines = log_lines
