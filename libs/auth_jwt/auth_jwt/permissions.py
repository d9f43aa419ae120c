"""DRF permissions from a token's roles and from how long ago its bearer proved who they are."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from auth_jwt.principals import Anonymous, Principal

FRESH = timedelta(minutes=10)
ROLES = ("support", "catalog", "fulfilment", "finance", "admin")


def has_role(*roles: str) -> type[BasePermission]:
    """A permission class: the bearer has one of `roles`; `admin` has them all. Unknown role names raise ValueError."""
    if unknown := set(roles) - set(ROLES):
        raise ValueError(f"unknown roles: {unknown}")

    class HasRole(BasePermission):
        message = f"This needs one of the roles: {', '.join(sorted({*roles, 'admin'}))}."
        code = "role_required"

        def has_permission(self, request: Request, view: APIView) -> bool:
            return bool(_asking(request).roles & {*roles, "admin"})

    return HasRole


class FreshLogin(BasePermission):
    """The bearer gave their password within ten minutes.

    It asks for nothing on reads, and nothing of anonymous callers: put it beside a permission that turns those away.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = _asking(request)
        if request.method in SAFE_METHODS or not isinstance(user, Principal):
            return True
        if timezone.now() - user.auth_time > FRESH:
            raise PermissionDenied("Log in again: this needs a login of the last ten minutes.", code="login_too_old")
        return True


def _asking(request: Request) -> Principal | Anonymous:
    return request.user  # type: ignore[return-value]  # the stubs know Django's own users only
