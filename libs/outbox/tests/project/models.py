"""A counter per key, and a diary of what was handled, in order."""

from django.db import models


class Counter(models.Model):
    """The aggregate: its version is the sequence of its events."""

    key = models.CharField(max_length=64, primary_key=True, db_collation="utf8mb4_bin")
    version = models.IntegerField(default=0)

    class Meta:
        app_label = "project"


class Diary(models.Model):
    """What the handlers saw."""

    key = models.CharField(max_length=64, db_collation="utf8mb4_bin")
    number = models.IntegerField()

    class Meta:
        app_label = "project"
