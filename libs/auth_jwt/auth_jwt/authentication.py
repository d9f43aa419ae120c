"""DRF authentication by bearer token; header parsing is SimpleJWT's, verification is ours."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication

from auth_jwt.principals import Principal
from auth_jwt.verification import InvalidToken, verify


class BearerAuthentication(JWTStatelessUserAuthentication):
    """`Authorization: Bearer <access>`; without the header the request is anonymous, with a bad one it is a 401."""

    def authenticate(self, request: Request) -> tuple[Principal, str] | None:  # type: ignore[override]
        header = self.get_header(request)
        raw = self.get_raw_token(header) if header is not None else None
        if raw is None:
            return None
        try:
            token = raw.decode("ascii")
            return Principal.of(verify(token)), token
        except UnicodeDecodeError as error:
            raise AuthenticationFailed("The token is not a JWT.", code="invalid_token") from error
        except InvalidToken as error:
            raise AuthenticationFailed(str(error), code="invalid_token") from error


class BearerScheme(OpenApiAuthenticationExtension):
    """How the OpenAPI document describes it."""

    target_class = "auth_jwt.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
