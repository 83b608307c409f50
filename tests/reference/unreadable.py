"""What is wrong with a raw table that nobody can read."""


class UnreadableError(Exception):
    """The table cannot be read; `line`, if there is one, is that of its text file, 1 the first."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")
        self.line = line
