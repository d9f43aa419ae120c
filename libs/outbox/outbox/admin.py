"""Admin pages: pending events, waiting keys, dead and parked events. Rows are settled, not edited; that is logged.

What events carry may be personal: payloads are shown masked, their shape and ids alone.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest

from outbox import dead, parked
from outbox.errors import NotWaiting
from outbox.masking import masked
from outbox.models import DeadEvent, KeyBlock, OutboxEvent, ParkedEvent


class ReadOnlyAdmin(admin.ModelAdmin):
    """Looks, never touches. Actions need the right to change."""

    actions_on_bottom = True
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        names = [field.name for field in self.model._meta.fields if field.name not in ("payload", "value")]
        return [*names, "content"] if len(names) < len(self.model._meta.fields) else names

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    @admin.display(description="payload, masked")
    def content(self, obj: Any) -> str:
        return masked(obj.value if isinstance(obj, ParkedEvent) else obj.payload)

    def settle(self, request: HttpRequest, rows: QuerySet, what: str, action: Callable[[int], Any]) -> None:
        """Do `action` to each row, with a log entry, and tell what could not be done."""
        for row in rows:
            try:
                action(row.pk)
            except NotWaiting as error:
                self.message_user(request, str(error), messages.WARNING)
                continue
            LogEntry.objects.log_actions(request.user.pk, [row], CHANGE, f"{what}: {row}", single_object=True)  # type: ignore[call-overload]
            self.message_user(request, f"{what}: {row}", messages.SUCCESS)


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    list_display = ["id", "lane", "topic", "key", "type", "created_at", "attempts", "last_error"]
    list_filter = ["topic", "lane"]
    search_fields = ["=key", "=event_id", "type"]


@admin.register(KeyBlock)
class KeyBlockAdmin(ReadOnlyAdmin):
    list_display = ["topic", "key", "lane", "until", "attempts", "error"]
    list_filter = ["topic"]
    search_fields = ["=key"]


@admin.register(DeadEvent)
class DeadEventAdmin(ReadOnlyAdmin):
    list_display = ["id", "topic", "key", "type", "dead_at", "reason", "replayed_at", "replayed_by", "discarded_at"]
    list_filter = ["topic", ("replayed_at", admin.EmptyFieldListFilter), ("discarded_at", admin.EmptyFieldListFilter)]
    search_fields = ["=key", "=event_id", "type"]
    actions = ["replay", "discard"]

    @admin.action(description="Replay: send again in its old place", permissions=["change"])
    def replay(self, request: HttpRequest, rows: QuerySet) -> None:
        by = request.user.get_username()
        self.settle(request, rows.order_by("row_id"), "Replayed", lambda pk: dead.replay(pk, by=by))

    @admin.action(description="Discard: never send it", permissions=["change"])
    def discard(self, request: HttpRequest, rows: QuerySet) -> None:
        by = request.user.get_username()
        self.settle(request, rows.order_by("row_id"), "Discarded", lambda pk: dead.discard(pk, by=by))


@admin.register(ParkedEvent)
class ParkedEventAdmin(ReadOnlyAdmin):
    list_display = ["id", "topic", "partition", "offset", "key", "type", "reason", "attempts", "next_try"]
    list_filter = ["topic"]
    search_fields = ["=key", "=event_id", "type"]
    actions = ["retry", "discard"]

    @admin.action(description="Retry its key, from its first on", permissions=["change"])
    def retry(self, request: HttpRequest, rows: QuerySet) -> None:
        by = request.user.get_username()
        self.settle(request, rows.order_by("offset"), "Retried", lambda pk: parked.retry_key(pk, by=by))

    @admin.action(description="Discard: count it as handled", permissions=["change"])
    def discard(self, request: HttpRequest, rows: QuerySet) -> None:
        by = request.user.get_username()
        self.settle(request, rows.order_by("offset"), "Discarded", lambda pk: parked.discard(pk, by=by))
