"""Routes of the identity service."""

from chassis.urls import handler400, handler404, handler500, service_urls  # noqa: F401

urlpatterns = service_urls([])
