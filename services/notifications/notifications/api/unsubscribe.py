"""The link in mails that one may do without: a page that asks (GET), and one click (POST, RFC 8058)."""

from __future__ import annotations

from typing import Any

from chassis.parsers import BoundedJSONParser
from chassis.views import View
from chassis.writes import writes
from django.http import HttpResponse
from django.template.loader import render_to_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from notifications.domain.policy import language
from notifications.letters import texts
from notifications.models import Delivery
from notifications.use_cases import preferences

PAGE = {(200, "text/html"): OpenApiTypes.STR}


class Unsubscribe(View):
    """Opening the link changes nothing, since mail scanners open links. It needs no login: the token is signed."""

    authentication_classes: list = []
    permission_classes = [AllowAny]
    parser_classes = [FormParser, MultiPartParser, BoundedJSONParser]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        return super().perform_content_negotiation(request, force=True)  # whatever is accepted, a page is what there is

    @extend_schema(responses=PAGE)
    def get(self, request: Request, token: str) -> HttpResponse:
        """A page with one button."""
        return show(preferences.mail_of(token), done=False)

    @extend_schema(request=None, responses=PAGE)
    @writes("none")
    def post(self, request: Request, token: str) -> HttpResponse:
        """End the mails about shipments."""
        return show(preferences.unsubscribe(token=token), done=True)


def show(delivery: Delivery, *, done: bool) -> HttpResponse:
    code = language(delivery.locale)
    says = texts(code)["unsubscribe"]
    return HttpResponse(
        render_to_string("notifications/unsubscribe.html", {"says": says, "language": code, "done": done})
    )
