"""Operators' pages: accounts, their sessions, and the operators themselves."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.utils import timezone

from identity.models import FailedLogin, MailedCode, Session, SigningKey, User


class SessionInline(admin.TabularInline):
    model = Session
    fields = readonly_fields = ("user_agent", "auth_time", "last_used_at", "ended_at", "ended_why")
    extra = 0
    can_delete = False

    def has_add_permission(self, *args) -> bool:
        return False


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    """Shop accounts are changed over the staff API, which tells the other services; here they are read."""

    change_password_form = AdminPasswordChangeForm
    list_display = ("email", "name", "status", "roles", "is_staff", "joined_at")
    list_filter = ("status", "is_staff")
    search_fields = ("=email", "=id")
    fields = readonly_fields = (
        "id", "email", "name", "locale", "status", "roles", "tokens_valid_after", "version", "is_staff", "joined_at"
    )  # fmt: skip
    inlines = [SessionInline]

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(SigningKey)
class SigningKeyAdmin(admin.ModelAdmin):
    list_display = ("kid", "signs_from", "retired_at")
    fields = readonly_fields = ("kid", "public_jwk", "signs_from", "retired_at")

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(MailedCode)
class MailedCodeAdmin(admin.ModelAdmin):
    list_display = ("user", "purpose", "created_at", "sent_at", "tries", "used_at")
    list_filter = ("purpose",)
    fields = readonly_fields = ("user", "purpose", "created_at", "claimed_at", "sent_at", "tries", "used_at")

    def has_add_permission(self, request) -> bool:
        return False


@admin.register(FailedLogin)
class FailedLoginAdmin(admin.ModelAdmin):
    list_display = ("subject", "failures", "last_at")
    search_fields = ("subject",)
    actions = ["forgive"]

    @admin.action(description="Forgive: let them try again at once")
    def forgive(self, request, queryset) -> None:
        queryset.update(failures=0, last_at=timezone.now())
