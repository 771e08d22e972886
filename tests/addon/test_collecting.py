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


def test_what_is_loaded_is_settled_without_its_garbage() -> None:
    code = (
        "import gc, weakref; from addon.collecting import settle_what_is_loaded\n"
        "class Thing: pass\n"
        "gc.disable(); thing = Thing(); thing.own = thing; gone = weakref.ref(thing); del thing; gc.enable()\n"
        "before = gc.get_threshold(); settle_what_is_loaded()\n"
        "assert gone() is None and gc.isenabled() and gc.get_threshold() == before\n"
        "assert gc.get_freeze_count() > 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
