"""Garbage is looked for seldom while a capture is replayed."""

import subprocess
import sys


def test_garbage_is_still_collected_only_more_seldom() -> None:
    """In a process of its own: it changes the whole program."""
    code = (
        "import gc; from addon.collecting import collect_rarely\n"
        "before = gc.get_threshold()[0]; collect_rarely()\n"
        "assert gc.isenabled() and before < gc.get_threshold()[0] < 1_000_000, gc.get_threshold()\n"
        "assert gc.get_freeze_count() > 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
