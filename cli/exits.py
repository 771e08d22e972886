"""Exit codes: one table for every command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code says."""

    OK = 0
    USAGE = 2
    CAPTURE = 3
    """A capture is unreadable or cut; what could be read is stored."""
    RULES = 4
    DATABASE = 5
    VERIFICATION = 6
    NOT_FOUND = 7
    """There is no such session or event."""
    FINDINGS = 10
    """There are findings at or over `--fail-over`."""
    DEFECT = 70
    """A defect of Pixelwitness."""
    INTERRUPTED = 130
