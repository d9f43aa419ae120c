"""Routes of the notifications service."""

from chassis.urls import handler400, handler404, handler500, service_urls  # noqa: F401
from django.urls import path

from notifications import metrics
from notifications.api import inbox, staff, staff_webhooks, unsubscribe

urlpatterns = service_urls(
    [
        path("notifications", inbox.Inbox.as_view()),
        path("notifications/<uuid:delivery_id>/read", inbox.InboxRead.as_view()),
        path("notification-preferences", inbox.Preferences.as_view()),
        path("unsubscribe/<str:token>", unsubscribe.Unsubscribe.as_view()),
        path("staff/deliveries", staff.StaffDeliveryList.as_view()),
        path("staff/deliveries/<uuid:delivery_id>", staff.StaffDeliveryDetail.as_view()),
        path("staff/deliveries/<uuid:delivery_id>/retry", staff.StaffDeliveryRetry.as_view()),
        path("staff/webhook-endpoints", staff_webhooks.EndpointList.as_view()),
        path("staff/webhook-endpoints/<uuid:endpoint_id>", staff_webhooks.EndpointDetail.as_view()),
        path("staff/webhook-endpoints/<uuid:endpoint_id>/rotate-secret", staff_webhooks.EndpointSecret.as_view()),
        path("staff/webhook-endpoints/<uuid:endpoint_id>/test", staff_webhooks.EndpointTest.as_view()),
        path("staff/webhook-deliveries", staff_webhooks.DeliveryList.as_view()),
        path("staff/webhook-deliveries/<uuid:delivery_id>", staff_webhooks.DeliveryDetail.as_view()),
        path("staff/webhook-deliveries/<uuid:delivery_id>/retry", staff_webhooks.DeliveryRetry.as_view()),
    ]
)
metrics.register()
