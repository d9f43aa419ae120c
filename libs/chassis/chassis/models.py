"""Answers kept for a day, so that a repeated request has its effect once."""

from django.db import models


class IdempotentRequest(models.Model):
    """What was answered to (principal, route, key); written in the same transaction as the effect."""

    principal: models.CharField = models.CharField(max_length=80, db_collation="utf8mb4_bin")
    route: models.CharField = models.CharField(max_length=120, db_collation="utf8mb4_bin")
    key: models.CharField = models.CharField(max_length=255, db_collation="utf8mb4_bin")
    fingerprint: models.CharField = models.CharField(max_length=64)
    status: models.PositiveSmallIntegerField = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.JSONField(null=True)
    created_at: models.DateTimeField = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["principal", "route", "key"], name="one_answer_per_key")]
