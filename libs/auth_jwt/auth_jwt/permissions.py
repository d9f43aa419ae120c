"""DRF permissions from a token's roles and from how long ago its bearer proved who they are."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

FRESH = timedelta(minutes=10)
ROLES = ("support", "catalog", "fulfilment", "finance", "admin")


def has_role(*roles: str) -> type[BasePermission]:
    """A permission class: the bearer has one of `roles`; `admin` has them all. Unknown role names raise ValueError."""
    if unknown := set(roles) - set(ROLES):
        raise ValueError(f"unknown roles: {unknown}")

    class HasRole(BasePermission):
        message = f"This needs one of the roles: {', '.join(sorted({*roles, 'admin'}))}."
        code = "role_required"

        def has_permission(self, request: Request, view) -> bool:
            return bool(request.user.is_authenticated and request.user.roles & {*roles, "admin"})

    return HasRole


class FreshLogin(BasePermission):
    """The bearer gave their password within ten minutes; on reads it asks for nothing."""

    def has_permission(self, request: Request, view) -> bool:
        if request.method in {"GET", "HEAD", "OPTIONS"} or not request.user.is_authenticated:
            return True
        if timezone.now() - request.user.auth_time > FRESH:
            raise PermissionDenied("Log in again: this needs a login of the last ten minutes.", code="login_too_old")
        return True
