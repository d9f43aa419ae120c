"""The few mails that identity sends itself: codes must not wait for another service."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.utils import translation

from identity.domain import codes
from identity.models import MailedCode

CLAIM = timedelta(minutes=1)
SUBJECTS = {
    "verify_email": {
        "en": "Your code: {code}",
        "de": "Ihr Code: {code}",
        "ja": "確認コード: {code}",
    },
    "reset_password": {
        "en": "Your code for a new password: {code}",
        "de": "Ihr Code für ein neues Passwort: {code}",
        "ja": "パスワード再設定コード: {code}",
    },
    "already_registered": {
        "en": "You already have an account",
        "de": "Sie haben bereits ein Konto",
        "ja": "アカウントは登録済みです",
    },
}


def send_code(code_id: UUID | str, *, now: datetime) -> None:
    """Send an owed mail. One worker claims it for a minute; one that dies meanwhile leaves it to the sweep.

    A mail sent twice carries two codes, of which the later one is right. Raises OSError or smtplib's errors when the
    mail server does not take it; the sweep tries again.
    """
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM)
    code = codes.new_code()
    hashed = codes.hash_code(settings.SECRET_KEY, code)
    owed = MailedCode.objects.filter(free, pk=code_id, sent_at=None, sendings__lt=codes.MAIL_TRIES)
    if owed.update(claimed_at=now, code_hash=hashed, sendings=F("sendings") + 1):
        _send(MailedCode.objects.select_related("user").get(pk=code_id), code)
        MailedCode.objects.filter(pk=code_id).update(sent_at=now)


def _send(owed: MailedCode, code: str) -> None:
    language = owed.user.locale.split("-")[0]
    language = language if language in {"en", "de", "ja"} else "en"
    context = {"code": code, "name": owed.user.name, "shop": settings.PUBLIC_URL}
    with translation.override(language):
        text = render_to_string(f"identity/mails/{owed.purpose}.{language}.txt", context)
    subject = SUBJECTS[owed.purpose][language].format(code=code)
    mail = EmailMultiAlternatives(subject, text, settings.DEFAULT_FROM_EMAIL, [owed.user.email])
    mail.send()
