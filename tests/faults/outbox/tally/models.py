"""What is true (counters), what was done about it (effects), and which keys' handlers fail (moods)."""

from django.db import models


class Counter(models.Model):
    """Its version is the number of committed events of this key."""

    key = models.CharField(max_length=64, primary_key=True, db_collation="utf8mb4_bin")
    version = models.IntegerField(default=0)

    class Meta:
        app_label = "tally"
        db_table = "counter"


class Effect(models.Model):
    """One row per handled event, in the order of handling. Nothing forbids a second one: that is the test."""

    key = models.CharField(max_length=64, db_collation="utf8mb4_bin")
    number = models.IntegerField()

    class Meta:
        app_label = "tally"
        db_table = "effect"


class Mood(models.Model):
    """A key whose events the handler cannot handle, as long as the row is there."""

    key = models.CharField(max_length=64, primary_key=True, db_collation="utf8mb4_bin")

    class Meta:
        app_label = "tally"
        db_table = "mood"
