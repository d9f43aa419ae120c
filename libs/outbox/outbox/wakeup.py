"""Waking the relay: a commit pushes to a Redis list that the relay blocks on. With Redis away the relay polls."""

import logging
import os
import time
from contextlib import suppress
from threading import Event as Flag
from threading import RLock
from typing import Any

import redis
from django.db import connection, transaction
from redis.backoff import NoBackoff
from redis.retry import Retry

from outbox.conf import conf
from outbox.quiet import once_a_minute

logger = logging.getLogger(__name__)

PUSH_TIMEOUT = 0.05  # seconds a commit may wait for Redis
PAUSE_AFTER_FAILURE = 5.0  # seconds without another try
_lock = RLock()
_mute: dict[tuple[int, str], Any] = {}  # connections of this process on which nothing is answered
_clients: dict[tuple[int, str, float], redis.Redis] = {}
_no_push_before = 0.0


class WakeRelay:
    """What runs after a commit. It waits for no answer, never raises and never takes longer than two timeouts."""

    def __call__(self) -> None:
        global _no_push_before
        if time.monotonic() < _no_push_before:
            return
        try:
            _push()
        except (redis.RedisError, OSError):
            _no_push_before = time.monotonic() + PAUSE_AFTER_FAILURE


def _push() -> None:
    """Say it over a connection that Redis never answers on: a commit does not wait for another process's turn."""
    place = (os.getpid(), conf.WAKE_URL)
    with _lock:
        mute = _mute.pop(place, None)
        if mute is not None:
            with suppress(redis.RedisError, OSError):  # it has died since the last time: another is made below
                _say(mute)
                _mute[place] = mute
                return
        mute = _connect_mute()
        _say(mute)
        _mute[place] = mute


def _say(mute: Any) -> None:
    mute.send_packed_command(mute.pack_commands([("LPUSH", _list(), 1), ("LTRIM", _list(), 0, 15)]))


def _connect_mute() -> Any:
    """A connection on which nothing is answered; a server that cannot do that says so here, once."""
    mute = _client(PUSH_TIMEOUT).connection_pool.make_connection()
    mute.connect()
    mute.send_command("CLIENT", "REPLY", "ON")
    mute.read_response()
    mute.send_command("CLIENT", "REPLY", "OFF")
    return mute


def wake_on_commit() -> None:
    """Wake the relay when the open transaction commits: once, however often this is called in it."""
    if conf.WAKE_URL and not any(isinstance(entry[1], WakeRelay) for entry in connection.run_on_commit):
        transaction.on_commit(WakeRelay(), robust=True)


def wait(seconds: float, stop: Flag) -> bool:
    """Return when an event was committed (True), after `seconds`, or when `stop` is set (noticed within `seconds`)."""
    if not conf.WAKE_URL:
        stop.wait(seconds)
        return False
    try:
        client = _client(seconds + 5)
        if client.brpop([_list()], timeout=seconds):
            client.delete(_list())  # one run serves all of them: whatever was pushed is committed already
            return True
    except (redis.RedisError, OSError) as error:
        once_a_minute(logger, logging.WARNING, "redis is away, the relay polls", reason=str(error))
        stop.wait(seconds)
    return False


def _list() -> str:
    return f"outbox:wake:{conf.SERVICE}"


def _client(timeout: float) -> redis.Redis:
    """A client of this process: connections are not carried over a fork."""
    place = (os.getpid(), conf.WAKE_URL, timeout)
    with _lock:
        if place not in _clients:
            _clients[place] = redis.Redis.from_url(
                conf.WAKE_URL,
                socket_timeout=timeout,
                socket_connect_timeout=min(timeout, 2.0),
                retry=Retry(NoBackoff(), 0),
            )
        return _clients[place]
