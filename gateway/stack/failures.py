"""What can go wrong with the stack, told to a person in a line and, if it helps, a log's end."""


class UsageError(Exception):
    """What was asked for makes no sense; the message names the input and what is allowed."""


class StackError(Exception):
    """The stack cannot do what was asked; the message says which part and what to do."""

    def __init__(self, message: str, log_lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.log_lines = log_lines
