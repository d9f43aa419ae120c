"""Registering, proving an address, logging in and staying logged in."""

from __future__ import annotations

from chassis.addresses import client_address
from chassis.problems import Unauthorized
from chassis.views import View
from chassis.writes import writes
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from identity import tokens
from identity.models import User
from identity.serializers import (
    AcceptedSchema,
    CodeInput,
    EmailInput,
    LoginInput,
    PasswordChangeInput,
    RefreshInput,
    RegisterInput,
    ResetInput,
    TokensSchema,
    UserSchema,
)
from identity.use_cases import accounts, sessions

COOKIE = "refresh_token"
COOKIE_PATH = "/api/v1/auth"


class Unauthenticated(View):
    """For who has no access token, or one that has expired: whatever they send along is not looked at."""

    authentication_classes: list = []
    permission_classes = [AllowAny]


def token_response(pair: sessions.Pair, place: str) -> Response:
    """The pair; the refresh token in the body, or in a cookie that scripts cannot read."""
    body = {
        "access": pair.access,
        "token_type": "Bearer",
        "expires_in": pair.expires_in,
        "refresh_expires_in": pair.refresh_expires_in,
    }
    headers = {"Cache-Control": "no-store"}
    if place == "body":
        return Response({**body, "refresh": pair.refresh}, headers=headers)
    response = Response(body, headers=headers)
    response.set_cookie(
        COOKIE,
        pair.refresh,
        max_age=pair.refresh_expires_in,
        path=COOKIE_PATH,
        secure=True,
        httponly=True,
        samesite="Strict",
    )
    return response


def accepted() -> Response:
    return Response({"status": "accepted"}, status=202)


class Register(Unauthenticated):
    @extend_schema(request=RegisterInput, responses={202: AcceptedSchema})
    @writes("none")
    def post(self, request: Request) -> Response:
        """Open an account. The answer is the same whether or not the address is known; a mail tells its owner."""
        accounts.register(**self.parse(RegisterInput, request))
        return accepted()


class VerifyEmail(Unauthenticated):
    @extend_schema(request=CodeInput, responses=UserSchema)
    @writes("none")
    def post(self, request: Request) -> Response:
        """Prove an address with the code that was mailed to it."""
        given = self.parse(CodeInput, request)
        return Response(UserSchema(accounts.verify_email(**given, now=timezone.now())).data)


class Token(Unauthenticated):
    @extend_schema(request=LoginInput, responses=TokensSchema)
    @writes("none")
    def post(self, request: Request) -> Response:
        """Log in: five minutes of access, and a refresh token for more."""
        given = self.parse(LoginInput, request)
        pair = sessions.log_in(
            email=given["email"],
            password=given["password"],
            address=client_address(request),
            user_agent=request.headers.get("User-Agent", ""),
            now=timezone.now(),
        )
        return token_response(pair, given["refresh"])


class TokenRefresh(Unauthenticated):
    @extend_schema(request=RefreshInput, responses=TokensSchema)
    @writes("none")
    def post(self, request: Request) -> Response:
        """A new pair for a refresh token (body or cookie). Each works once; a second use later ends the session."""
        given = self.parse(RefreshInput, request).get("refresh")
        place = "body" if given else "cookie"
        refresh = given or request.COOKIES.get(COOKIE)
        if not refresh:
            raise Unauthorized("refresh_missing", "Send the refresh token in the body, or its cookie.")
        return token_response(sessions.rotate(refresh=refresh, now=timezone.now()), place)


class Logout(View):
    @extend_schema(request=None, responses={204: None})
    @writes("none")
    def post(self, request: Request) -> Response:
        """End this session."""
        sessions.log_out(session_id=request.user.session_id, user_id=request.user.id, now=timezone.now())
        response = Response(status=204)
        response.delete_cookie(COOKIE, path=COOKIE_PATH, samesite="Strict")
        return response


class LogoutAll(View):
    @extend_schema(request=None, responses={204: None})
    @writes("none")
    def post(self, request: Request) -> Response:
        """End every session of the account, everywhere."""
        sessions.log_out_everywhere(user_id=request.user.id, now=timezone.now())
        return Response(status=204)


class PasswordForgot(Unauthenticated):
    @extend_schema(request=EmailInput, responses={202: AcceptedSchema})
    @writes("none")
    def post(self, request: Request) -> Response:
        """Ask for a code for a new password; the answer is the same for an unknown address."""
        email = self.parse(EmailInput, request)["email"].casefold()
        user = User.objects.shoppers().filter(email=email, status="active").first()
        if user is not None:
            accounts.mail_code(user, "reset_password")
        return accepted()


class PasswordReset(Unauthenticated):
    @extend_schema(request=ResetInput, responses={204: None})
    @writes("none")
    def post(self, request: Request) -> Response:
        """Set a new password with a mailed code; all sessions end."""
        accounts.reset_password(**self.parse(ResetInput, request), now=timezone.now())
        return Response(status=204)


class PasswordChange(View):
    permission_classes = [IsAuthenticated]

    @extend_schema(request=PasswordChangeInput, responses=TokensSchema)
    @writes("none")
    def post(self, request: Request) -> Response:
        """Change the password; all other sessions end, this one gets new tokens."""
        given = self.parse(PasswordChangeInput, request)
        pair = sessions.change_password(
            user_id=request.user.id,
            old=given["old_password"],
            new=given["new_password"],
            user_agent=request.headers.get("User-Agent", ""),
            now=timezone.now(),
        )
        return token_response(pair, given["refresh"])


def jwks(request: HttpRequest) -> JsonResponse:
    """The public keys that access tokens are signed with."""
    response = JsonResponse({"keys": tokens.published_keys(timezone.now())})
    response["Cache-Control"] = "public, max-age=60"
    return response
