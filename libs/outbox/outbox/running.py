"""Long-running roles of a process: threads that live and die together, and end gracefully on SIGTERM."""

import logging
import signal
import sys
from collections.abc import Callable
from threading import Event as Flag
from threading import Thread

from django.db import connection
from prometheus_client import start_http_server

from outbox.conf import conf
from outbox.consumer import ConsumerLoop
from outbox.relay import Relay

logger = logging.getLogger(__name__)
Role = Callable[[Flag], None]
GRACE = 30.0  # seconds for the others, once the first has ended


def relay(stop: Flag) -> None:
    """The relay's role."""
    Relay().run(stop)


def consumer(stop: Flag) -> None:
    """The consumer's role."""
    ConsumerLoop().run(stop)


def roles() -> list[Role]:
    """What this service has to run: a relay if it publishes, a consumer if it subscribes."""
    wanted: list[tuple[Role, object]] = [(relay, conf.TOPIC), (consumer, conf.SUBSCRIPTIONS)]
    return [role for role, needed in wanted if needed]


def run_together(roles: list[Role]) -> None:
    """Run each role in a thread until SIGTERM or SIGINT.

    If one ends by itself, all end and the process exits with 1, so that a supervisor starts it anew.
    """
    stop, first_ended = Flag(), Flag()

    def end(*_: object) -> None:
        stop.set()
        first_ended.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, end)
    if conf.METRICS_PORT:
        start_http_server(int(conf.METRICS_PORT))

    def live(role: Role) -> None:
        try:
            role(stop)
        except Exception:
            logger.critical("%s died", role.__name__, exc_info=True)
        finally:
            connection.close()
            first_ended.set()

    threads = [Thread(target=live, args=[role], name=role.__name__, daemon=True) for role in roles]
    for thread in threads:
        thread.start()
    while not first_ended.wait(1.0):  # in steps, so that signals are seen
        pass
    failed = not stop.is_set()
    stop.set()
    for thread in threads:
        thread.join(GRACE)
    if failed or any(thread.is_alive() for thread in threads):
        sys.exit(1)
