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

logger = logging.getLogger(__name__)
_away_until = 0.0


class PrincipalThrottle(BaseThrottle):
    """At most `API_REQUESTS_PER_MINUTE` per user, guest token or address in each minute of the clock."""

    def allow_request(self, request: Request, view) -> bool:
        global _away_until
        now = time.time()
        if now < _away_until:
            return True
        name = f"throttle:{view.principal(request)}:{int(now // 60)}" if hasattr(view, "principal") else None
        if name is None:
            return True
        try:
            pipeline = _redis(settings.CELERY_BROKER_URL).pipeline(transaction=False)
            pipeline.incr(name)
            pipeline.expire(name, 70)
            count = pipeline.execute()[0]
        except redis.RedisError:
            _away_until = now + 5
            logger.warning("rate limits are off: Redis does not answer")
            return True
        self._left = 60 - now % 60
        return count <= settings.API_REQUESTS_PER_MINUTE

    def wait(self) -> float:
        return self._left


@cache
def _redis(url: str) -> redis.Redis:
    """A client that never waits long: one try of 50 ms."""
    return redis.Redis.from_url(url, socket_timeout=0.05, socket_connect_timeout=0.05, retry=Retry(NoBackoff(), 0))
