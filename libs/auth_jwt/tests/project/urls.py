"""Three doors: for anybody, for finance, and for those who have just logged in."""

from auth_jwt.permissions import FreshLogin, has_role
from django.urls import path
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class Door(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response({"user": request.user.id})

    post = get


class Finance(Door):
    permission_classes = [has_role("finance")]


class Fresh(Door):
    permission_classes = [IsAuthenticated, FreshLogin]


urlpatterns = [path("door", Door.as_view()), path("finance", Finance.as_view()), path("fresh", Fresh.as_view())]
