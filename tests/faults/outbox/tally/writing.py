"""The writers: many small transactions, some of which change their mind at the last moment."""

import os
import random
import signal
import threading
import time

from django.db import Error, connection, transaction
from outbox.publishing import publish
from outbox.transactions import retry_conflicts

from .handlers import COUNTED, Said
from .models import Counter

ROLLED_BACK = 0.1  # share of transactions that publish and do not commit


class ChangedItsMind(Exception):
    """The business transaction is given up after its event was written."""


def count(key: str, *, keep: bool = True) -> None:
    """Lock the counter, count it up, say so; without `keep`, roll all of it back."""
    with transaction.atomic(savepoint=False):
        counter = Counter.objects.select_for_update().get(key=key)
        counter.version += 1
        counter.save()
        publish(Said(COUNTED, key, counter.version, {"number": counter.version, "kept": keep}))
        if not keep:
            raise ChangedItsMind


def write(seed: int, keys: int, seconds: float, threads: int = 2, pause: float = 0.002) -> None:
    """Write for so long from several threads; whatever the database does, go on with the next transaction.

    The answer to a commit may be lost; what is true then is what the counter says.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def work(number: int) -> None:
        chance, end = random.Random(f"{seed}-{number}"), time.monotonic() + seconds
        while time.monotonic() < end and not stop.wait(pause):
            key = f"key-{chance.randrange(keys)}"
            try:
                keep = chance.random() >= ROLLED_BACK
                retry_conflicts(lambda key=key, keep=keep: count(key, keep=keep))
            except ChangedItsMind:
                pass
            except Error:
                connection.close()
                stop.wait(0.05)
        connection.close()

    workers = [threading.Thread(target=work, args=[number]) for number in range(threads)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        workers[0].join(0.1)
    os._exit(0)
