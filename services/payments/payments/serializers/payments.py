"""Payments as callers send and see them."""

from __future__ import annotations

from typing import Any

from chassis.fields import MoneySchema, StrictSerializer, money
from chassis.pages import PageQuery
from rest_framework import serializers

from payments.domain.facts import State
from payments.models import Payment

STATUS = {State.SENT: "authorizing", State.WAITING: "requires_action"}
STATUSES = [STATUS.get(state, str(state)) for state in State]

DISPUTES = ["open", "won", "lost"]
REFUNDS = ["requested", "succeeded", "failed", "refused"]


class ConfirmInput(StrictSerializer):
    """`payment_method` is the provider's token; a card number never reaches us. A payment takes ten attempts at most,
    and none after one that was refused for good.
    """

    payment_method = serializers.RegexField(r"^(?![0-9 -]{12,}$)[A-Za-z0-9_.:-]{3,120}$")
    return_url = serializers.URLField(max_length=500)


class StaffPaymentQuery(PageQuery):
    order_number = serializers.RegexField(r"^CB-[0-9A-Z]{10}$", required=False)
    state = serializers.ChoiceField(choices=[str(state) for state in State], required=False)
    refund_failed = serializers.BooleanField(required=False, allow_null=True, default=None)
    dispute = serializers.ChoiceField(choices=DISPUTES, required=False)


class RedirectSchema(serializers.Serializer):
    type = serializers.ChoiceField(choices=["redirect"])
    url = serializers.URLField()


class PaymentSchema(serializers.Serializer):
    id = serializers.UUIDField()
    order_id = serializers.UUIDField()
    order_number = serializers.CharField()
    amount = MoneySchema()
    refunded = MoneySchema()
    status = serializers.ChoiceField(choices=STATUSES)
    last_error = serializers.CharField(allow_null=True, help_text="why the last attempt failed")
    expires_at = serializers.DateTimeField()
    next_action = RedirectSchema(allow_null=True)


class ConfirmedSchema(serializers.Serializer):
    status = serializers.ChoiceField(choices=["authorizing"])
    next_action = RedirectSchema(allow_null=True)


class RefundSchema(serializers.Serializer):
    id = serializers.UUIDField()
    amount = MoneySchema()
    state = serializers.ChoiceField(choices=REFUNDS)
    code = serializers.CharField(help_text="why it was refused, if it was")
    asked_by_order = serializers.BooleanField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    answered_at = serializers.DateTimeField(allow_null=True)


class DisputeSchema(serializers.Serializer):
    id = serializers.CharField(help_text="the provider's")
    amount = MoneySchema()
    reason = serializers.CharField()
    due_by = serializers.DateTimeField(allow_null=True)
    state = serializers.ChoiceField(choices=DISPUTES)
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class StaffPaymentSchema(PaymentSchema):
    refunds = RefundSchema(many=True)
    disputes = DisputeSchema(many=True)


class PaymentPageSchema(serializers.Serializer):
    data = StaffPaymentSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


class ReceivedSchema(serializers.Serializer):
    received = serializers.BooleanField()


def render_payment(payment: Payment) -> dict[str, Any]:
    """From rows fetched with their attempts and refunds."""
    state = State(payment.state)
    redirect = None
    if state is State.WAITING:
        current = next((attempt for attempt in payment.attempts.all() if attempt.state == "current"), None)
        redirect = {"type": "redirect", "url": current.redirect_url} if current else None
    refunded = sum(refund.amount_minor for refund in payment.refunds.all() if refund.state == "succeeded")
    return {
        "id": str(payment.pk),
        "order_id": str(payment.order_id),
        "order_number": payment.order_number,
        "amount": money(payment.total_minor, payment.currency),
        "refunded": money(refunded, payment.currency),
        "status": STATUS.get(state, str(state)),
        "last_error": payment.last_code or None,
        "expires_at": payment.expires_at,
        "next_action": redirect,
    }


def render_for_staff(payment: Payment) -> dict[str, Any]:
    """From rows fetched with their attempts, refunds and disputes."""
    return {
        **render_payment(payment),
        "refunds": [
            {
                "id": str(row.pk),
                "amount": money(row.amount_minor, payment.currency),
                **{name: getattr(row, name) for name in ("state", "code", "asked_by_order", "reason")},
                **{name: getattr(row, name) for name in ("created_at", "answered_at")},
            }
            for row in payment.refunds.all()
        ],
        "disputes": [
            {
                "id": row.provider_id,
                "amount": money(row.amount_minor, payment.currency),
                **{name: getattr(row, name) for name in ("reason", "due_by", "state", "opened_at", "closed_at")},
            }
            for row in payment.disputes.all()
        ],
    }
