"""Routes of the payments service."""

from chassis.urls import handler400, handler404, handler500, service_urls  # noqa: F401
from django.urls import path

from payments import metrics
from payments.api import books, payments

urlpatterns = service_urls(
    [
        path("payments/<uuid:payment_id>", payments.PaymentDetail.as_view()),
        path("payments/<uuid:payment_id>/confirm", payments.PaymentConfirm.as_view()),
        path("webhooks/payments/<slug:provider>", payments.ProviderWebhook.as_view()),
        path("staff/payments", payments.StaffPaymentList.as_view()),
        path("staff/payments/<uuid:payment_id>/refunds/<uuid:refund_id>/retry", payments.StaffRefundRetry.as_view()),
        path("staff/ledger", books.StaffLedger.as_view()),
        path("staff/ledger/balances", books.StaffBalances.as_view()),
        path("staff/reconciliation/differences", books.StaffDifferences.as_view()),
        path("staff/reconciliation/differences/<uuid:difference_id>/resolve", books.StaffDifferenceResolve.as_view()),
    ]
)
metrics.register()
