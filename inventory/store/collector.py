"""Pausing the garbage collector while a large message is in hand.

Ten thousand rows make some ten thousand tuples, none of them circular. The collector walks them
again and again and frees nothing, which took a quarter of the time that a message takes here.
"""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """No collection inside; afterwards as before. Threads that overlap end with it switched on."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
