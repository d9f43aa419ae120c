"""Admin pages to read and act on, for rows that only use cases write: a form would not tell the other services."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models


class ReadOnly:
    """Mixed into an admin or an inline: nothing is added, changed or deleted by hand; actions call use cases."""

    def has_add_permission(self, *args: Any) -> bool:
        return False

    def has_change_permission(self, *args: Any) -> bool:
        return False

    def has_delete_permission(self, *args: Any) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, admin.ModelAdmin):
    """A page of rows to read."""


def read_only(table: type[models.Model], *fields: str) -> type[admin.TabularInline]:
    """An inline that shows these fields of a table's rows."""
    attributes = {"model": table, "extra": 0, "can_delete": False, "fields": fields}
    return type(f"{table.__name__}Inline", (ReadOnly, admin.TabularInline), attributes)
