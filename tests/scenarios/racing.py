"""Several clients that start at the same moment, each on a connection of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

from inventory.errors import InsufficientStock, ReservationExpired
from inventory.store import database


def race(url, *acts):
    """Run all acts at once; of each, the refusal that stock or time gave it, or None.

    Any other exception, a deadlock above all, comes through to the test.
    """
    start = threading.Barrier(len(acts))

    def run(act):
        with database.connect(url) as db:
            start.wait()
            try:
                act(db)
            except (InsufficientStock, ReservationExpired) as refusal:
                return refusal
            return None

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))
