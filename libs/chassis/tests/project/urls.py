"""Views that do what the tests ask them: make things, lock them, fail. `moods` holds what happens after an effect."""

from collections.abc import Callable
from datetime import UTC, datetime

from auth_jwt.permissions import has_role
from chassis.fields import MoneyInput, StrictSerializer
from chassis.logs import current_fields
from chassis.pages import PageQuery, page
from chassis.problems import Conflict
from chassis.urls import handler400, handler404, handler500, service_urls  # noqa: F401
from chassis.views import View, client_address, require_match
from chassis.writes import writes
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.urls import path
from outbox.context import current
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from project.models import Thing

moods: dict[str, Callable[[], None]] = {}


class PartInput(StrictSerializer):
    name = serializers.CharField(max_length=5)
    count = serializers.IntegerField(default=1)


class ThingInput(StrictSerializer):
    name = serializers.CharField(max_length=40)
    price = MoneyInput(required=False)
    parts = PartInput(many=True, required=False)
    id = serializers.IntegerField(read_only=True)


class Open(View):
    permission_classes = [AllowAny]


class Things(Open):
    def get(self, request):
        query = self.query(PageQuery, request)
        order = tuple(request.headers.get("Order", "-made_at,-id").split(","))
        return Response(page(Thing.objects.all(), order=order, query=query, render=lambda rows: [r.id for r in rows]))

    @writes("optional")
    def post(self, request):
        name = self.parse(ThingInput, request)["name"]
        with transaction.atomic(savepoint=False):
            thing = Thing.objects.create(name=name, made_at=datetime.now(UTC))
        moods.get(name, lambda: None)()
        return Response({"id": thing.id}, status=201, headers={"Location": f"/things/{thing.id}", "ETag": '"1"'})


class Changes(Open):
    def patch(self, request):
        parsed = ThingInput(data=request.data, partial=True)
        parsed.is_valid(raise_exception=True)
        return Response(parsed.validated_data)


class Careful(Things):
    @writes("required")
    def post(self, request):
        return super().post.__wrapped__(self, request)


class Both(Open):
    """Counts up two things, locked in the order that is asked for."""

    @writes("none")
    def post(self, request):
        with transaction.atomic(savepoint=False):
            for step, id in enumerate(request.data["ids"]):
                Thing.objects.select_for_update().get(pk=id)
                moods.get(f"locked {step}", lambda: None)()
            for id in request.data["ids"]:
                thing = Thing.objects.get(pk=id)
                thing.number += 1
                thing.save()
        return Response({})


class Fail(Open):
    errors = {
        "404": Http404,
        "403": PermissionDenied,
        "409": lambda: Conflict("taken", "It is taken.", headers={"Retry-After": "1"}, order_id="7"),
        "500": lambda: RuntimeError("secret detail"),
    }

    def get(self, request, kind):
        raise self.errors[kind]()


class Context(Open):
    def get(self, request):
        story = current()
        return Response({**current_fields(), "correlation": story.correlation_id, "address": client_address(request)})


class Versioned(Open):
    @writes("none", if_match=True)
    def put(self, request):
        require_match(request, '"2"')
        return Response({})


class Staff(View):
    permission_classes = [has_role("finance")]

    def get(self, request):
        return Response({})


urlpatterns = service_urls(
    [
        path("things", Things.as_view()),
        path("changes", Changes.as_view()),
        path("careful", Careful.as_view()),
        path("both", Both.as_view()),
        path("fail/<kind>", Fail.as_view()),
        path("context", Context.as_view()),
        path("versioned", Versioned.as_view()),
        path("staff", Staff.as_view()),
    ]
)
