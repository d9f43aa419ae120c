"""Sends what happened to the shop: signed, asynchronous, again and again until it is taken."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

from . import chaos
from .journal import Journal
from .methods import METHODS, Hooks
from .records import Intent, Webhook, iso
from .schedule import Schedule
from .settings import Settings

TRIES = 20
TIMEOUT_SECONDS = 5
LATE, OVERTAKEN, TWIN = 20, 3, 0.2  # seconds


class Sender:
    """Makes webhooks (`about`), which the caller commits and then hands over (`send`)."""

    def __init__(self, settings: Settings, journal: Journal, schedule: Schedule) -> None:
        self._settings, self._journal, self._schedule = settings, journal, schedule
        self._target = urlsplit(settings.webhook_url)

    def start(self) -> None:
        """Go on with what was still to be sent."""
        for webhook in list(self._journal.webhooks.values()):
            self.send(webhook)

    def about(self, intent: Intent, kind: str, now: float) -> Webhook:
        """The webhook that tells of this intent's new state; `kind` is like `intent.captured` or `refund.failed`.

        One without copies is never sent.
        """
        hooks = METHODS[intent.payment_method].hooks
        overtaken = hooks is Hooks.REORDERED and len(intent.history) == 1
        if hooks is Hooks.NOW:
            hooks = chaos.hooks(self._journal.chaos, f"{intent.reference} {kind} {len(intent.history)}")
            overtaken = hooks is Hooks.REORDERED
        wait = LATE if hooks is Hooks.LATE else OVERTAKEN if overtaken else 0
        return Webhook(
            id=f"evt_{uuid4().hex}",
            type=kind,
            object_id=intent.id,
            created_at=iso(now),
            due=now + wait * self._settings.pace,
            copies={Hooks.TWICE: 2, Hooks.LOST: 0}.get(hooks, 1),
        )

    def send(self, webhook: Webhook) -> None:
        self._schedule.at(webhook.due, partial(self.deliver, webhook.id))

    def deliver(self, webhook_id: str) -> None:
        """Try once; when it is not taken (2xx), it is tried again later, up to twenty times."""
        webhook = self._journal.webhooks.get(webhook_id)
        if webhook is None:
            return
        taken = self._post(webhook)
        tries = webhook.tries + 1
        copies = webhook.copies - 1 if taken else webhook.copies
        wait = TWIN if taken else min(0.5 * 2**webhook.tries, 300)
        if tries >= TRIES and not taken:
            print(f"gave up {webhook.type} {webhook.object_id} after {tries} tries", flush=True)
            copies = 0
        after = replace(webhook, tries=tries, copies=copies, due=time.time() + wait * self._settings.pace)
        self._journal.commit(after)
        if after.copies:
            self.send(after)

    def _post(self, webhook: Webhook) -> bool:
        event = {
            "id": webhook.id,
            "type": webhook.type,
            "object_id": webhook.object_id,
            "created_at": webhook.created_at,
        }
        body = json.dumps(event)
        kind = http.client.HTTPSConnection if self._target.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._target.netloc, timeout=TIMEOUT_SECONDS)
        headers = {
            "Content-Type": "application/json",
            "Sandbox-Signature": signature(self._settings.secret, body, int(time.time())),
        }
        try:
            connection.request("POST", self._target.path, body, headers)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def signature(secret: str, body: str, timestamp: int) -> str:
    """`t=<unix>,v1=<hex HMAC-SHA256 of "<t>.<raw body>">`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
