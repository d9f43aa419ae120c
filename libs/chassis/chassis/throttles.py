"""A limit per principal, counted in Redis; without Redis requests are let through, the gateway limits by address."""

from __future__ import annotations

import logging
import time
from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from chassis.addresses import client_address

logger = logging.getLogger(__name__)
PEOPLE_BEHIND_AN_ADDRESS = 5  # an office shares one
_away_until = 0.0


class PrincipalThrottle(BaseThrottle):
    """At most `API_REQUESTS_PER_MINUTE` per user in each minute of the clock, and five times that per address.

    Guests count by address: a token that nobody has checked yet would be a new limit for the asking.
    """

    def allow_request(self, request: Request, view) -> bool:
        global _away_until
        now = time.time()
        if now < _away_until:
            return True
        known = request.user.is_authenticated
        who = f"user:{request.user.pk}" if known else f"address:{client_address(request)}"
        limit = settings.API_REQUESTS_PER_MINUTE * (1 if known else PEOPLE_BEHIND_AN_ADDRESS)
        name = f"throttle:{who}:{int(now // 60)}"
        try:
            client = _redis(settings.CELERY_BROKER_URL)  # held: a client that nobody holds closes its connections
            pipeline = client.pipeline(transaction=False)
            pipeline.incr(name)
            pipeline.expire(name, 70)
            count = pipeline.execute()[0]
        except redis.RedisError:
            _away_until = now + 5
            logger.warning("rate limits are off: Redis does not answer")
            return True
        self._left = 60 - now % 60
        return count <= limit

    def wait(self) -> float:
        return self._left


@cache
def _redis(url: str) -> redis.Redis:
    """A client that never waits long: one try of 50 ms."""
    return redis.Redis.from_url(url, socket_timeout=0.05, socket_connect_timeout=0.05, retry=Retry(NoBackoff(), 0))
