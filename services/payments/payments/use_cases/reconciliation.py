"""A day's settlement report is imported, its fees go into the books, and what does not agree becomes a row."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from uuid import UUID

from chassis.problems import Conflict, NotFound
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from outbox.transactions import retry_conflicts

from payments.domain.ledger import AT_THE_PROVIDER, posting
from payments.domain.reconciliation import Booked, disagreement
from payments.models import Difference, LedgerPosting, SettlementLine, SettlementReport
from payments.providers.base import ProviderError, Settled
from payments.providers.registry import provider_named
from payments.use_cases import ledger, operations
from payments.use_cases.matching import Match, at_the_provider, match

logger = logging.getLogger(__name__)
BATCH = 200
MOST_DAYS = 31  # that are caught up with at once


@dataclass(frozen=True)
class Outcome:
    day: date
    lines: int
    open_differences: int
    is_over: bool


def days_to_reconcile(*, now: datetime) -> list[date]:
    """Whole days that were not imported since the first one that was; yesterday when there is none yet."""
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    reports = SettlementReport.objects.filter(provider=settings.PAYMENTS_PROVIDER, imported_at__isnull=False)
    done = set(reports.values_list("day", flat=True))
    first = max(min(done, default=yesterday), yesterday - timedelta(days=MOST_DAYS - 1))
    days = (first + timedelta(days=number) for number in range((yesterday - first).days + 1))
    return [day for day in days if day not in done]


def reconcile_day(*, day: date, now: datetime) -> Outcome:
    """Import the report; doing it again adds nothing. Raises ProviderError when there is none to be had.

    What we have and the provider does not is looked for once the day is over.
    """
    provider = settings.PAYMENTS_PROVIDER
    lines = list(provider_named(provider).settlement(day))
    report, _ = SettlementReport.objects.get_or_create(provider=provider, day=day)
    _look_at_what_we_do_not_know(provider, lines)
    for start in range(0, len(lines), BATCH):
        retry_conflicts(partial(_import, report.pk, lines[start : start + BATCH], now))
    end = datetime.combine(day, time(), UTC) + timedelta(days=1)
    if is_over := now >= end:
        retry_conflicts(partial(_note_missing, report.pk, end, now))
    waiting = Difference.objects.filter(report=report, resolved_at=None).count()
    return Outcome(day, len(lines), waiting, is_over)


def _look_at_what_we_do_not_know(provider: str, lines: list[Settled]) -> None:
    """A webhook may have been lost: what the report knows of our objects and we do not is read before it is judged."""
    for start in range(0, len(lines), BATCH):
        matches = match(provider, lines[start : start + BATCH])
        doubtful = {each.attempt for each in matches.values() if each.booked is None and each.attempt is not None}
        for attempt in doubtful:
            try:
                operations.look(attempt_id=attempt.pk)
            except ProviderError as error:
                logger.warning("an object of the report could not be read: %s", error)


def _import(report_id: int, lines: list[Settled], now: datetime) -> None:
    with transaction.atomic(savepoint=False):
        report = SettlementReport.objects.select_for_update().get(pk=report_id)
        known = _known(report, lines)
        matches = match(report.provider, lines)
        keys = [each.booked.business_key for each in matches.values() if each.booked]
        taken: set[str] = {row.business_key or "" for row in SettlementLine.objects.filter(business_key__in=keys)}
        fees = []
        for line in lines:
            row, found = known.get(line.line_id), matches[line.line_id]
            if row is not None and (row.business_key or found.booked is None):
                continue
            is_new = row is None
            row = row or _row(report, line, found)
            _judge(report, row, found, taken, now)
            if is_new and line.fee_minor:
                fees.append((posting("fee", line.fee_minor, line.fee_currency, line.line_id), row.payment))
        ledger.write_all(fees, provider=report.provider, now=now)
        report.lines = SettlementLine.objects.filter(report=report).count()
        report.save(update_fields=["lines"])


def _known(report: SettlementReport, lines: list[Settled]) -> dict[str, SettlementLine]:
    ids = [line.line_id for line in lines]
    rows = SettlementLine.objects.filter(provider=report.provider, line_id__in=ids)
    return {row.line_id: row for row in rows}


def _row(report: SettlementReport, line: Settled, found: Match) -> SettlementLine:
    return SettlementLine(
        report=report,
        provider=report.provider,
        line_id=line.line_id,
        kind=line.kind,
        object_id=line.object_id,
        reference=line.reference,
        amount_minor=line.amount_minor,
        currency=line.currency,
        fee_minor=line.fee_minor,
        fee_currency=line.fee_currency,
        at=line.at,
        payment=found.attempt.payment if found.attempt else None,
    )


def _judge(report: SettlementReport, row: SettlementLine, found: Match, taken: set[str], now: datetime) -> None:
    """Match a line with its posting, or write down why not; what was missing or unknown before is resolved by it."""
    booked: Booked | None = found.booked
    key = booked.business_key if booked else None
    wrong = None
    if row.kind != "fee":
        wrong = disagreement(row.kind, row.amount_minor, row.currency, booked=booked, taken=key in taken)
    if key is not None and key not in taken:
        row.business_key = key
        taken.add(key)
        _resolve([f"missing:{report.provider}:{key}", f"extra:{report.provider}:{row.line_id}"], now)
    row.save()
    if wrong is not None:
        about = f"{wrong.kind}:{report.provider}:{row.line_id}"
        difference = Difference(
            about=about,
            kind=wrong.kind,
            report=report,
            line=row,
            payment=row.payment,
            booked_minor=wrong.booked_minor,
            reported_minor=row.amount_minor,
            currency=row.currency,
            detail=wrong.detail,
            found_at=now,
        )
        _note([difference])


def _note_missing(report_id: int, end: datetime, now: datetime) -> None:
    """Postings of the day that no line of any report was matched with."""
    with transaction.atomic(savepoint=False):
        report = SettlementReport.objects.select_for_update().get(pk=report_id)
        day = {"created_at__gte": end - timedelta(days=1), "created_at__lt": end}
        told = Exists(SettlementLine.objects.filter(business_key=OuterRef("business_key")))
        ours = LedgerPosting.objects.filter(provider=report.provider, kind__in=AT_THE_PROVIDER, **day)
        missing = list(ours.exclude(told).select_related("payment"))
        amounts = at_the_provider(missing)
        _note(
            Difference(
                about=f"missing:{report.provider}:{row.business_key}",
                kind="missing",
                report=report,
                payment=row.payment,
                booked_minor=amounts[row.pk].amount_minor,
                currency=amounts[row.pk].currency,
                detail=f"the provider does not report {row.business_key}",
                found_at=now,
            )
            for row in missing
        )
        report.imported_at = report.imported_at or now
        report.save(update_fields=["imported_at"])


def _note(differences: Iterator[Difference] | list[Difference]) -> None:
    """Once each; whoever watches the log or the metric must know."""
    rows = list(differences)
    known = set(Difference.objects.filter(about__in=[row.about for row in rows]).values_list("about", flat=True))
    fresh = [row for row in rows if row.about not in known]
    Difference.objects.bulk_create(fresh)
    for row in fresh:
        logger.error("ALARM: %s", row.detail, extra={"about": row.about, "day": str(row.report.day)})


def _resolve(about: list[str], now: datetime) -> None:
    waiting = Difference.objects.filter(about__in=about, resolved_at=None)
    waiting.update(resolved_at=now, resolved_by="reconciliation", resolution="report and books agree by now")


def resolve_difference(*, difference_id: UUID, by: str, why: str, now: datetime) -> Difference:
    """A person says why it is so. Raises NotFound, or Conflict `already_resolved`."""
    with transaction.atomic(savepoint=False):
        row = Difference.objects.select_for_update().filter(pk=difference_id).first()
        if row is None:
            raise NotFound("There is no such difference.")
        if row.resolved_at is not None:
            raise Conflict("already_resolved", f"It was resolved by {row.resolved_by}: {row.resolution}.")
        row.resolved_at, row.resolved_by, row.resolution = now, by[:60], why[:500]
        row.save(update_fields=["resolved_at", "resolved_by", "resolution"])
    return row
