"""Sending mails: claim a row, speak to the mail server outside of any transaction, write down what came of it."""

from __future__ import annotations

import logging
import random
import smtplib
import threading
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F
from django.utils import timezone
from outbox.transactions import retry_conflicts

from notifications import letters
from notifications.domain import policy
from notifications.metrics import DELIVERIES
from notifications.models import FAILED, PENDING, SENDING, SENT, SUPPRESSED, Delivery, OrderContact
from notifications.use_cases.deliveries import person_of

logger = logging.getLogger(__name__)
_thread = threading.local()
CLAIM = timedelta(minutes=3)  # longer than a task may run
SWEEP_SECONDS = 10.0


class ServerAway(Exception):
    """The mail server cannot be reached: no use in trying the next mail now."""


def send(*, delivery_id: UUID | str, now: datetime) -> str:
    """Send one mail that is due; returns its state afterwards, empty when it was not due or someone else has it.

    Attempts are counted when claiming, and the count is the claim's token: a sender that was given up writes nothing.
    One that dies between sending and writing leaves a second sending, with the same Message-ID. Raises ServerAway
    (after writing it down).
    """
    due = Delivery.objects.due(now).filter(pk=delivery_id)
    if not due.update(state=SENDING, attempts=F("attempts") + 1, next_try_at=now + CLAIM):
        return ""
    delivery = Delivery.objects.get(pk=delivery_id)
    contact = OrderContact.objects.get(pk=delivery.order_id)
    buyer = contact.addressee(person_of(contact))
    if reason := policy.reason_to_suppress(delivery.template, buyer, delivery.channel, now=now):
        return _record(delivery, state=SUPPRESSED, reason=reason, next_try_at=None)
    try:
        mail_server().send_messages([letters.mail(delivery, contact)])
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        return _record(delivery, **_after_failure(delivery, error, final=all(code >= 500 for code in codes)))
    except (smtplib.SMTPResponseException, smtplib.SMTPNotSupportedError) as error:
        return _record(delivery, **_after_failure(delivery, error))
    except OSError as error:  # connecting, reading, time-outs, and what smtplib makes of them
        _record(delivery, **_after_failure(delivery, error))
        raise ServerAway(str(error)) from error
    except ValueError as error:  # an address or header that is none
        return _record(delivery, **_after_failure(delivery, error, final=True))
    return _record(delivery, state=SENT, sent_at=timezone.now(), next_try_at=None, last_error="")


def mail_server() -> BaseEmailBackend:
    """This thread's connection to the mail server, kept between mails; one that has gone stale is made anew.

    Raises what connecting does (OSError).
    """
    kept = getattr(_thread, "server", None)
    if kept is None:
        kept = _thread.server = get_connection()
    session = getattr(kept, "connection", None)
    if session is not None and not _answers(session):
        kept.close()
    kept.open()
    return kept


def _answers(session: smtplib.SMTP) -> bool:
    try:
        return session.noop()[0] == 250
    except OSError:
        return False


def send_due(*, now: datetime) -> int:
    """The sweep: every mail that is due, oldest first, until time is up or the server away; returns how many went."""
    deadline = time.monotonic() + SWEEP_SECONDS
    sent = 0
    for delivery_id in list(Delivery.objects.due(now).order_by("next_try_at").values_list("pk", flat=True)[:1000]):
        try:
            sent += send(delivery_id=delivery_id, now=max(now, timezone.now())) == SENT
        except ServerAway:
            break
        if time.monotonic() > deadline:
            break
    return sent


def _after_failure(delivery: Delivery, error: Exception, *, final: bool = False) -> dict[str, Any]:
    wait = None if final else policy.wait_after(delivery.attempts, jitter=random.random())  # noqa: S311 no secret
    text = f"{type(error).__name__}: {error}"[:500]
    if wait is None:
        return {"state": FAILED, "next_try_at": None, "last_error": text}
    return {"state": PENDING, "next_try_at": timezone.now() + wait, "last_error": text}


def _record(delivery: Delivery, **fields: Any) -> str:
    mine = Delivery.objects.filter(pk=delivery.pk, state=SENDING, attempts=delivery.attempts)
    retry_conflicts(lambda: mine.update(**fields))
    state = fields["state"]
    result = "retried" if state == PENDING else state
    DELIVERIES.labels(delivery.template, result).inc()
    logger.log(
        logging.WARNING if state in {PENDING, FAILED} else logging.INFO,
        "delivery %s",
        result,
        extra={"delivery_id": str(delivery.pk), "template": delivery.template, "order_id": str(delivery.order_id)},
    )
    return state
