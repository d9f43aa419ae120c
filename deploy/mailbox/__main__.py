"""The mailbox of local runs: takes every mail over SMTP, delivers none, shows them over HTTP."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from .store import Store
from .web import serve


class Sink:
    """aiosmtpd's handler: whatever arrives is kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        self._store.add(envelope.rcpt_tos, content if isinstance(content, bytes) else str(content).encode())
        return "250 Kept"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smtp", type=int, required=True, help="port for SMTP")
    parser.add_argument("--http", type=int, required=True, help="port for HTTP")
    parser.add_argument("--folder", type=Path, required=True, help="where the .eml files are kept")
    parser.add_argument("--host", default="127.0.0.1")
    chosen = parser.parse_args()
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before any thread starts, so that only sigwait sees them
    store = Store(chosen.folder)
    controller = Controller(Sink(store), hostname=chosen.host, port=chosen.smtp, data_size_limit=10 * 1024 * 1024)
    controller.start()
    threading.Thread(target=serve, args=(store, chosen.host, chosen.http), daemon=True).start()
    print(f"SMTP on {chosen.host}:{chosen.smtp}, HTTP on {chosen.host}:{chosen.http}", flush=True)
    signal.sigwait(ends)
    controller.stop()
    sys.exit(0)


if __name__ == "__main__":
    main()
