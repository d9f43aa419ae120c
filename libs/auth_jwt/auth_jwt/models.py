"""What a service keeps so that it can verify tokens while identity is away: the keys, and who was locked out since."""

from django.db import models


class JwksDocument(models.Model):
    """The last good key set per address, served stale without limit."""

    url: models.CharField = models.CharField(max_length=255, unique=True, db_collation="utf8mb4_bin")
    document = models.JSONField(default=dict)
    fetched_at: models.DateTimeField = models.DateTimeField(null=True)
    asked_at: models.DateTimeField = models.DateTimeField(null=True)


class KnownUser(models.Model):
    """What `user-events` told about a user; tokens issued before `tokens_valid_after` are refused."""

    user_id: models.UUIDField = models.UUIDField(primary_key=True)
    version: models.PositiveBigIntegerField = models.PositiveBigIntegerField(default=0)
    status: models.CharField = models.CharField(max_length=16)
    tokens_valid_after: models.DateTimeField = models.DateTimeField(null=True)
