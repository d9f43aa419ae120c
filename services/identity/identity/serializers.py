"""Accounts, tokens and addresses as callers send and see them."""

from __future__ import annotations

from typing import Any

from auth_jwt.permissions import ROLES
from chassis.fields import CountryField, StrictSerializer
from chassis.pages import PageQuery
from rest_framework import serializers

from identity.domain.addresses import MESSAGES, normalized
from identity.models import STATUSES, Address, User

LOCALES = ["en", "de", "ja"]


class PasswordField(serializers.CharField):
    def __init__(self, **kwargs: Any):
        super().__init__(max_length=200, trim_whitespace=False, write_only=True, **kwargs)


class RegisterInput(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    password = PasswordField()
    name = serializers.CharField(max_length=200, default="", allow_blank=True)
    locale = serializers.ChoiceField(choices=LOCALES, default="en")


class CodeInput(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    code = serializers.RegexField(r"^[0-9]{8}$")


class EmailInput(StrictSerializer):
    email = serializers.EmailField(max_length=254)


class ResetInput(CodeInput):
    password = PasswordField()


class LoginInput(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    password = PasswordField()
    refresh = serializers.ChoiceField(choices=["body", "cookie"], default="body")


class RefreshInput(StrictSerializer):
    refresh = serializers.CharField(max_length=4096, required=False)


class PasswordChangeInput(StrictSerializer):
    old_password = PasswordField()
    new_password = PasswordField()
    refresh = serializers.ChoiceField(choices=["body", "cookie"], default="body")


class UserChangeInput(StrictSerializer):
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    locale = serializers.ChoiceField(choices=LOCALES, required=False)


class RolesInput(StrictSerializer):
    roles = serializers.ListField(child=serializers.ChoiceField(choices=ROLES), max_length=len(ROLES))


class StatusInput(StrictSerializer):
    status = serializers.ChoiceField(choices=["active", "disabled"])


class StaffUserQuery(PageQuery):
    email = serializers.CharField(max_length=254, required=False)
    status = serializers.ChoiceField(choices=STATUSES, required=False)
    role = serializers.ChoiceField(choices=ROLES, required=False)


class TokensSchema(serializers.Serializer):
    access = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="seconds")
    refresh = serializers.CharField(required=False, help_text="absent when it was asked for as a cookie")
    refresh_expires_in = serializers.IntegerField(help_text="seconds")


class AcceptedSchema(serializers.Serializer):
    status = serializers.CharField()


class UserSchema(serializers.ModelSerializer):
    class Meta:
        model = User
        fields = ["id", "email", "name", "locale", "status", "roles", "joined_at", "version"]
        read_only_fields = fields


class SessionSchema(serializers.Serializer):
    id = serializers.UUIDField()
    user_agent = serializers.CharField()
    auth_time = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()


class SessionsSchema(serializers.Serializer):
    data = SessionSchema(many=True)


class UserPageSchema(serializers.Serializer):
    data = UserSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()


class AddressInput(StrictSerializer):
    """A postal address, checked by the rules of its country."""

    name = serializers.CharField(max_length=120)
    company = serializers.CharField(max_length=120, default="", allow_blank=True)
    line1 = serializers.CharField(max_length=200)
    line2 = serializers.CharField(max_length=200, default="", allow_blank=True)
    city = serializers.CharField(max_length=100, default="", allow_blank=True)
    region = serializers.CharField(max_length=100, default="", allow_blank=True)
    postal_code = serializers.CharField(max_length=20, default="", allow_blank=True)
    country = CountryField()
    phone = serializers.RegexField(r"^(\+?[0-9 ()-]{5,25})?$", default="", allow_blank=True)

    def validate(self, values: dict[str, str]) -> dict[str, str]:
        clean, wrong = normalized(values)
        if wrong:
            details = {
                name: [serializers.ErrorDetail(MESSAGES.get(code, MESSAGES["invalid"]), code=code)]
                for name, code in wrong.items()
            }
            raise serializers.ValidationError(details)
        return clean


class AddressSchema(serializers.ModelSerializer):
    class Meta:
        model = Address
        exclude = ["user"]


class AddressPageSchema(serializers.Serializer):
    data = AddressSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    has_more = serializers.BooleanField()
