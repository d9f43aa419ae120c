"""The addresses that every service has beside its API."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView
from outbox.metrics import register_row_counts

from chassis.health import livez, readyz
from chassis.metrics import metrics


def service_urls(api: list[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    """The service's own routes under /api/v1, its OpenAPI document, admin, health and metrics."""
    register_row_counts()
    admin.site.site_header = admin.site.site_title = f"Crossborder Trade · {settings.SERVICE}"
    admin.site.index_title = "Operations"
    return [
        path("api/v1/", include(api)),
        path(f"api/schema/{settings.SERVICE}", SpectacularAPIView.as_view(), name="schema"),
        path(f"admin/{settings.SERVICE}/", admin.site.urls),
        path("livez", livez),
        path("readyz", readyz),
        path("metrics", metrics),
    ]


handler404 = "chassis.problems.not_found_page"
handler400 = "chassis.problems.bad_request_page"
handler500 = "chassis.problems.error_page"
