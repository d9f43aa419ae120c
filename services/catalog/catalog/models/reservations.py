"""What is promised to whom: a reservation for each order, its lines, and what shipped of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection, models
from django.db.models import Case, F, When
from django.utils import timezone

from catalog.domain.reservations import Line, ReservationFacts, State, Step


class ReservationQuerySet(models.QuerySet["Reservation"]):
    def promising(self, sku: str, warehouse: str) -> ReservationQuerySet:
        """Those that hold units of a row of stock: the unpaid before the paid, of each the newest first."""
        lines = ReservationLine.objects.filter(sku=sku, warehouse=warehouse)
        open_lines = lines.filter(quantity__gt=F("fulfilled") + F("released"))
        chosen = self.filter(state__in=[State.HELD, State.COMMITTED], pk__in=open_lines.values("reservation_id"))
        return chosen.order_by(Case(When(state=State.HELD, then=0), default=1), "-created_at", "-pk")

    def locked(self, order_id) -> Reservation | None:
        """The reservation, its row locked; None when the order is unknown here."""
        return self.select_for_update().filter(pk=order_id).first()


class Reservation(models.Model):
    """Stock promised to an order. It changes only by a step of `domain.reservations`, under its row's lock."""

    order_id = models.UUIDField(primary_key=True)
    order_number = models.CharField(max_length=20, unique=True, db_collation="utf8mb4_bin")
    user_id = models.UUIDField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=[(state.value, state.value) for state in State])
    version = models.PositiveBigIntegerField(default=1)
    shortages = models.JSONField(default=list, blank=True)  # what was missing when it was rejected
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["state", "expires_at"], name="reservation_overdue")]

    def __str__(self) -> str:
        return self.order_number

    _lines: tuple[Line, ...] | None = None

    def facts(self) -> ReservationFacts:
        """What it is now; the lines are read once, under the row's lock nobody else changes them."""
        user_id = str(self.user_id) if self.user_id else None
        if self._lines is None:
            self._lines = tuple(line.facts() for line in self.lines.order_by("line_id"))
        return ReservationFacts(
            str(self.order_id), self.order_number, user_id, self._lines, State(self.state), self.version
        )

    def take(self, step: Step) -> None:
        """Become what a step says, in memory and in the database: the row and its changed lines, in one statement."""
        before = self.facts().lines
        changed = [line for line, was in zip(step.reservation.lines, before, strict=True) if line != was]
        self.state, self.version = step.reservation.state.value, step.reservation.version
        self._lines = step.reservation.lines
        _write(self, changed)


COUNTS = ("fulfilled", "released", "lost")


def _write(reservation: Reservation, lines: list[Line]) -> None:
    sets = ["r.state = %s", "r.version = %s", "r.updated_at = %s"]
    values: list[Any] = [reservation.state, reservation.version, timezone.now()]
    for count in COUNTS if lines else ():
        sets.append(f"l.{count} = CASE l.line_id {'WHEN %s THEN %s ' * len(lines)}ELSE l.{count} END")
        values += [value for line in lines for value in (line.line_id, getattr(line, count))]
    also = "JOIN catalog_reservationline l ON l.reservation_id = r.order_id" if lines else ""
    values.append(Reservation._meta.pk.get_db_prep_value(reservation.pk, connection))
    statement = f"UPDATE catalog_reservation r {also} SET {', '.join(sets)} WHERE r.order_id = %s"  # noqa: S608 ours
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


class ReservationLine(models.Model):
    """Units of one SKU in one warehouse, as the order's line asked for them."""

    reservation = models.ForeignKey(Reservation, models.CASCADE, related_name="lines")
    line_id = models.PositiveIntegerField()
    sku = models.CharField(max_length=64, db_collation="utf8mb4_bin")
    warehouse = models.CharField(max_length=32, db_collation="utf8mb4_bin")
    quantity = models.PositiveIntegerField()
    fulfilled = models.PositiveIntegerField(default=0)
    released = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0, db_default=0, help_text="Of the released: written off, and told.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reservation", "line_id"], name="reservation_line_once"),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=models.F("fulfilled") + models.F("released")), name="line_not_overdone"
            ),
        ]
        indexes = [models.Index(fields=["sku", "warehouse"], name="reservation_line_stock")]

    def facts(self) -> Line:
        return Line(self.line_id, self.sku, self.warehouse, self.quantity, self.fulfilled, self.released, self.lost)


class HandledLineQuerySet(models.QuerySet):
    def new(self, subject_id, lines: Iterable[dict]) -> list[dict]:
        """Those lines of a shipment, return or cancellation that were not handled before; they count as handled now."""
        done = set(self.filter(subject_id=subject_id).values_list("line_id", flat=True))
        fresh = [line for line in lines if line["line_id"] not in done]
        self.bulk_create([self.model(subject_id=subject_id, line_id=line["line_id"]) for line in fresh])
        return fresh


class HandledLine(models.Model):
    """The business key of a shipment's (or return's) line: it moves stock once, however often it is told."""

    subject_id = models.UUIDField()
    line_id = models.PositiveIntegerField()

    objects = HandledLineQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject_id", "line_id"], name="handled_once")]
