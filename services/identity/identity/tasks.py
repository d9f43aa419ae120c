"""Mails that identity owes, and what it may forget."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from identity import mails
from identity.models import FailedLogin, MailedCode, RefreshToken, Session


@shared_task
def send_code(code_id: str) -> None:
    """Make the code and send its mail, unless that was done."""
    mails.send_code(code_id, now=timezone.now())


@shared_task
def send_owed_codes() -> int:
    """The sweep: every mail that is owed for more than five seconds, whatever became of its task."""
    late = MailedCode.objects.filter(sent_at=None, created_at__lt=timezone.now() - timedelta(seconds=5))
    owed = list(late.order_by("created_at").values_list("pk", flat=True)[:200])
    for code_id in owed:
        mails.send_code(code_id, now=timezone.now())
    return len(owed)


@shared_task
def forget_old_rows() -> None:
    """Delete codes after a day, expired refresh tokens, sessions that ended a month ago, old login failures."""
    now = timezone.now()
    MailedCode.objects.filter(sent_at__lt=now - timedelta(days=1)).delete()
    RefreshToken.objects.filter(expires_at__lt=now).delete()
    Session.objects.filter(ended_at__lt=now - timedelta(days=30)).delete()
    FailedLogin.objects.filter(last_at__lt=now - timedelta(days=1)).delete()
