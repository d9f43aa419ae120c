"""The tables. `outbox_lane` (16 rows, each a lock) has no model, so that a test's flush never empties it."""

from typing import Any

from django.db import models


def exact(length: int, **options: Any) -> models.CharField:
    """Text that machines compare: byte by byte, never by a language's rules."""
    return models.CharField(max_length=length, db_collation="utf8mb4_bin", **options)


def event_id(**options: Any) -> models.CharField:
    """A UUID as ASCII text: Django's own type differs between MariaDB and MySQL."""
    return models.CharField(max_length=36, db_collation="ascii_bin", **options)


class OutboxEvent(models.Model):
    """An event that waits to be sent; the row is deleted when Kafka has acknowledged it.

    The table is made by raw SQL: its primary key is (lane, id), and `id` is unique. Every UPDATE and DELETE names the
    lane, or relays of different lanes deadlock.
    """

    id = models.BigAutoField(primary_key=True)
    lane = models.PositiveSmallIntegerField()
    event_id = event_id()
    topic = exact(249)
    key = exact(255)
    type = exact(255)
    subject = exact(255)
    payload = models.TextField(db_collation="utf8mb4_bin")
    headers = models.TextField(db_collation="utf8mb4_bin")
    created_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.TextField(default="", blank=True)

    class Meta:
        db_table = "outbox_event"
        verbose_name = "pending event"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"


class KeyBlock(models.Model):
    """A key that waits: until a moment, or (until is null) for a person who settles its dead event."""

    topic = exact(249)
    key = exact(255)
    lane = models.PositiveSmallIntegerField()
    until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField()
    error = models.TextField()

    class Meta:
        db_table = "outbox_key_block"
        verbose_name = "waiting key"
        constraints = [models.UniqueConstraint(fields=["topic", "key"], name="outbox_key_block_key")]

    def __str__(self) -> str:
        return f"{self.topic} {self.key}"


class DeadEvent(models.Model):
    """An event that Kafka refused for good. `row_id` is its old id: replayed, it takes its old place again."""

    lane = models.PositiveSmallIntegerField()
    row_id = models.BigIntegerField()
    event_id = event_id()
    topic = exact(249)
    key = exact(255)
    type = exact(255)
    subject = exact(255)
    payload = models.TextField(db_collation="utf8mb4_bin")
    headers = models.TextField(db_collation="utf8mb4_bin")
    created_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField()
    reason = models.TextField()
    dead_at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True, blank=True)
    replayed_by = models.CharField(max_length=150, default="", blank=True)
    discarded_at = models.DateTimeField(null=True, blank=True)
    discarded_by = models.CharField(max_length=150, default="", blank=True)

    class Meta:
        db_table = "outbox_dead"
        verbose_name = "dead event"
        ordering = ["-id"]
        indexes = [models.Index(fields=["topic", "key"], name="outbox_dead_key")]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"


class InboxEntry(models.Model):
    """An event that this consumer has handled."""

    pk = models.CompositePrimaryKey("consumer", "event_id")
    consumer = exact(64)
    event_id = event_id()
    received_at = models.DateTimeField()

    class Meta:
        db_table = "inbox"
        verbose_name_plural = "inbox entries"
        indexes = [models.Index(fields=["received_at"], name="inbox_received_at")]


class ParkedEvent(models.Model):
    """An event that could not be handled, or a later one of the same key. It has no inbox row until it is healed."""

    consumer = exact(64)
    topic = exact(249)
    partition = models.PositiveIntegerField()
    offset = models.BigIntegerField()
    key = exact(255)
    event_id = event_id(null=True)
    type = exact(255, default="")
    headers = models.TextField(db_collation="utf8mb4_bin")
    value = models.BinaryField(null=True)
    timestamp = models.BigIntegerField(default=0)
    reason = models.TextField()
    attempts = models.PositiveIntegerField(default=0)
    next_try = models.DateTimeField()
    parked_at = models.DateTimeField()

    class Meta:
        db_table = "inbox_parked"
        verbose_name = "parked event"
        ordering = ["topic", "partition", "offset"]
        constraints = [
            models.UniqueConstraint(fields=["consumer", "topic", "partition", "offset"], name="inbox_parked_offset")
        ]
        indexes = [models.Index(fields=["consumer", "topic", "key", "offset"], name="inbox_parked_key")]

    def __str__(self) -> str:
        return f"{self.type or 'undecodable'} {self.key}"


class ConsumerProgress(models.Model):
    """When a partition was last seen read to its end."""

    consumer = exact(64)
    topic = exact(249)
    partition = models.PositiveIntegerField()
    caught_up_at = models.DateTimeField()

    class Meta:
        db_table = "consumer_progress"
        verbose_name_plural = "consumer progress"
        constraints = [
            models.UniqueConstraint(fields=["consumer", "topic", "partition"], name="consumer_progress_partition")
        ]
