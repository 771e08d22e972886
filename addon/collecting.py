"""How often Python looks for garbage in cycles, which is rarely worth it while a capture is replayed."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 100_000
"""So many new objects are made before a look. Requests and events hold no cycles, and a request alone makes hundreds of
objects: looking as often as Python does by itself took a tenth of a replay, and freed nothing."""


def settle_what_is_loaded() -> None:
    """Never look again among what is there now, once the last garbage among it is gone.

    For a program that has started and goes on for long: rules and imported modules are not looked through again and
    again while it works.
    """
    gc.collect()
    gc.freeze()


def collect_rarely() -> None:
    """Look for garbage seldom from now on, and never again among what is there already."""
    gc.freeze()
    gc.set_threshold(_YOUNG)


@contextmanager
def collecting_never() -> Iterator[None]:
    """Look for no garbage meanwhile: for what makes many objects without cycles, and is soon over."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.freeze()
            gc.enable()
