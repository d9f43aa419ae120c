"""Routes of the identity service."""

from chassis.urls import handler400, handler404, handler500, service_urls  # noqa: F401
from django.urls import path

from identity.api import auth, staff, users

urlpatterns = [
    path(".well-known/jwks.json", auth.jwks),
    *service_urls(
        [
            path("auth/register", auth.Register.as_view()),
            path("auth/verify-email", auth.VerifyEmail.as_view()),
            path("auth/token", auth.Token.as_view()),
            path("auth/token/refresh", auth.TokenRefresh.as_view()),
            path("auth/logout", auth.Logout.as_view()),
            path("auth/logout-all", auth.LogoutAll.as_view()),
            path("auth/password/forgot", auth.PasswordForgot.as_view()),
            path("auth/password/reset", auth.PasswordReset.as_view()),
            path("auth/password/change", auth.PasswordChange.as_view()),
            path("users/me", users.Me.as_view()),
            path("users/me/sessions", users.Sessions.as_view()),
            path("users/me/addresses", users.AddressList.as_view()),
            path("users/me/addresses/<uuid:address_id>", users.AddressDetail.as_view()),
            path("staff/users", staff.StaffUserList.as_view()),
            path("staff/users/<uuid:user_id>", staff.StaffUserDetail.as_view()),
            path("staff/users/<uuid:user_id>/roles", staff.StaffUserRoles.as_view()),
        ]
    ),
]
