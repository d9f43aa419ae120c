"""Mails that identity owes, and what it may forget."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from identity import mails
from identity.domain.codes import MAIL_TRIES
from identity.models import FailedLogin, MailedCode, RefreshToken, Session, User
from identity.tokens import REFRESH_LIFETIME

logger = logging.getLogger(__name__)


@shared_task(outermost=False)
def send_code(code_id: str) -> None:
    """Make the code and send its mail, unless that was done."""
    mails.send_code(code_id, now=timezone.now())


@shared_task(outermost=False)
def send_owed_codes() -> int:
    """The sweep: every mail that is owed for more than five seconds, whatever became of its task.

    One that the mail server refuses does not keep the others waiting; after ten sendings it is given up.
    """
    late = MailedCode.objects.filter(
        sent_at=None, created_at__lt=timezone.now() - timedelta(seconds=5), sendings__lt=MAIL_TRIES
    )
    owed = list(late.order_by("created_at").values_list("pk", flat=True)[:200])
    for code_id in owed:
        try:
            mails.send_code(code_id, now=timezone.now())
        except OSError as error:  # smtplib's errors are OSErrors
            logger.warning("a code could not be mailed: %s", error, extra={"code": str(code_id)})
    return len(owed)


@shared_task
def forget_old_rows() -> None:
    """Delete what nobody needs: codes after a day, sessions that nothing can refresh, accounts never verified."""
    now = timezone.now()
    MailedCode.objects.filter(created_at__lt=now - timedelta(days=1)).delete()
    RefreshToken.objects.filter(expires_at__lt=now).delete()
    Session.objects.filter(last_used_at__lt=now - REFRESH_LIFETIME).delete()
    FailedLogin.objects.filter(last_at__lt=now - timedelta(days=1)).delete()
    User.objects.shoppers().filter(status="pending", joined_at__lt=now - timedelta(days=7)).delete()
