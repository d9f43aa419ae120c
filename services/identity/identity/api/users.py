"""One's own account and address book."""

from __future__ import annotations

from uuid import UUID

from auth_jwt.permissions import FreshLogin
from chassis.pages import PageQuery, page
from chassis.problems import NotFound
from chassis.views import View, require_match
from chassis.writes import writes
from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from identity.models import Address, Session, User
from identity.serializers import (
    AddressInput,
    AddressPageSchema,
    AddressSchema,
    SessionSchema,
    SessionsSchema,
    UserChangeInput,
    UserSchema,
)
from identity.use_cases import accounts


def user_response(user: User) -> Response:
    return Response(UserSchema(user).data, headers={"ETag": user.etag})


class Me(View):
    def get_permissions(self) -> list:
        return [IsAuthenticated(), *([FreshLogin()] if self.request.method == "DELETE" else [])]

    @extend_schema(responses=UserSchema)
    def get(self, request: Request) -> Response:
        """The caller's account."""
        user = User.objects.shoppers().filter(pk=request.user.id).first()
        if user is None:
            raise NotFound("There is no such account.")
        return user_response(user)

    @extend_schema(request=UserChangeInput, responses=UserSchema)
    @writes("none", if_match=True)
    def patch(self, request: Request) -> Response:
        """Change name or language."""
        given = self.parse(UserChangeInput, request)
        return user_response(accounts.change_user(user_id=request.user.id, request=request, **given))

    @extend_schema(responses={204: None})
    @writes("none")
    def delete(self, request: Request) -> Response:
        """Erase the account; needs a login of the last ten minutes. Orders are kept as long as the law wants them."""
        accounts.erase_user(user_id=request.user.id, now=timezone.now())
        return Response(status=204)


class Sessions(View):
    @extend_schema(responses=SessionsSchema)
    def get(self, request: Request) -> Response:
        """Where the account is logged in."""
        rows = Session.objects.filter(user_id=request.user.id, ended_at=None).order_by("-last_used_at")[:100]
        return Response({"data": SessionSchema(rows, many=True).data})


def address_response(address: Address, status: int = 200) -> Response:
    headers = {"ETag": address.etag, "Location": f"/api/v1/users/me/addresses/{address.id}"}
    return Response(AddressSchema(address).data, status=status, headers=headers)


class AddressList(View):
    @extend_schema(parameters=[PageQuery], responses=AddressPageSchema)
    def get(self, request: Request) -> Response:
        """The caller's address book, newest first."""
        mine = Address.objects.filter(user_id=request.user.id)
        render = lambda rows: AddressSchema(rows, many=True).data  # noqa: E731
        return Response(page(mine, order=("-created_at", "-id"), query=self.query(PageQuery, request), render=render))

    @extend_schema(request=AddressInput, responses={201: AddressSchema})
    @writes()
    def post(self, request: Request) -> Response:
        """Add an address; it is checked by the rules of its country."""
        given = self.parse(AddressInput, request)
        return address_response(Address.objects.create(user_id=request.user.id, **given), 201)


class AddressDetail(View):
    @extend_schema(responses=AddressSchema)
    def get(self, request: Request, address_id: UUID) -> Response:
        """One address."""
        return address_response(self._mine(request, address_id))

    @extend_schema(request=AddressInput, responses=AddressSchema)
    @writes("none", if_match=True)
    def put(self, request: Request, address_id: UUID) -> Response:
        """Replace an address."""
        given = self.parse(AddressInput, request)
        with transaction.atomic(savepoint=False):
            address = self._mine(request, address_id, lock=True)
            require_match(request, address.etag)
            for name, value in given.items():
                setattr(address, name, value)
            address.version += 1
            address.save()
        return address_response(address)

    @extend_schema(responses={204: None})
    @writes("none", if_match=True)
    def delete(self, request: Request, address_id: UUID) -> Response:
        """Remove an address."""
        with transaction.atomic(savepoint=False):
            address = self._mine(request, address_id, lock=True)
            require_match(request, address.etag)
            address.delete()
        return Response(status=204)

    def _mine(self, request: Request, address_id: UUID, lock: bool = False) -> Address:
        rows = Address.objects.select_for_update() if lock else Address.objects.all()
        address = rows.filter(pk=address_id, user_id=request.user.id).first()
        if address is None:
            raise NotFound("There is no such address, or it is not yours.")
        return address
