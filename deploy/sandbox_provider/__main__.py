"""The sandbox payment provider: a process of its own that behaves like a real one, its bad days included."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from .journal import Journal
from .provider import Provider
from .schedule import Schedule
from .settings import read_settings
from .web import Server
from .webhooks import Sender


def main() -> None:
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before any thread starts, so that only sigwait sees them
    settings = read_settings(os.environ)
    server = Server(settings)
    journal = Journal(settings.folder, time.time())
    schedule = Schedule()
    sender = Sender(settings, journal, schedule)
    provider = Provider(settings, journal, sender, schedule)
    schedule.start()
    sender.start()
    provider.start()
    threading.Thread(target=server.serve, args=(provider, sender), daemon=True).start()
    print(f"listens on {settings.host}:{settings.port}, knows {len(journal.intents)} intents", flush=True)
    signal.sigwait(ends)
    sys.exit(0)


if __name__ == "__main__":
    main()
