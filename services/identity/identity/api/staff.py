"""Accounts, for staff."""

from __future__ import annotations

from uuid import UUID

from auth_jwt.permissions import FreshLogin, has_role
from chassis.pages import page
from chassis.problems import NotFound
from chassis.views import View
from chassis.writes import writes
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from identity.api.users import user_response
from identity.models import User
from identity.serializers import RolesInput, StaffUserQuery, StatusInput, UserPageSchema, UserSchema
from identity.use_cases import accounts


class StaffUserList(View):
    permission_classes = [has_role("support")]

    @extend_schema(parameters=[StaffUserQuery], responses=UserPageSchema)
    def get(self, request: Request) -> Response:
        """Accounts, newest first; by address, status or role."""
        query = self.query(StaffUserQuery, request)
        chosen = User.objects.shoppers()
        if "email" in query:
            chosen = chosen.filter(email=query["email"].casefold())
        if "status" in query:
            chosen = chosen.filter(status=query["status"])
        if "role" in query:
            chosen = chosen.filter(roles__contains=query["role"])
        render = lambda rows: UserSchema(rows, many=True).data  # noqa: E731
        return Response(page(chosen, order=("-joined_at", "-id"), query=query, render=render))


class StaffUserDetail(View):
    permission_classes = [has_role("support"), FreshLogin]

    @extend_schema(responses=UserSchema)
    def get(self, request: Request, user_id: UUID) -> Response:
        """Any account."""
        user = User.objects.shoppers().filter(pk=user_id).first()
        if user is None:
            raise NotFound("There is no such account.")
        return user_response(user)

    @extend_schema(request=StatusInput, responses=UserSchema)
    @writes("none", if_match=True)
    def patch(self, request: Request, user_id: UUID) -> Response:
        """Disable an account, or enable it again."""
        status = self.parse(StatusInput, request)["status"]
        return user_response(accounts.set_status(user_id=user_id, status=status, now=timezone.now(), request=request))


class StaffUserRoles(View):
    permission_classes = [has_role("admin"), FreshLogin]

    @extend_schema(request=RolesInput, responses=UserSchema)
    @writes("none", if_match=True)
    def put(self, request: Request, user_id: UUID) -> Response:
        """Replace an account's staff roles; they count from its next token on."""
        roles = self.parse(RolesInput, request)["roles"]
        return user_response(accounts.set_roles(user_id=user_id, roles=roles, request=request))
