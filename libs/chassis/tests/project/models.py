"""What the project keeps: things with a place in time, and notes that tasks write."""

from django.db import models


class Thing(models.Model):
    name = models.CharField(max_length=40)
    made_at = models.DateTimeField()
    number = models.IntegerField(default=0)

    class Meta:
        app_label = "project"


class Note(models.Model):
    """What a task saw."""

    text = models.CharField(max_length=200)
    correlation_id = models.CharField(max_length=200)
    traceparent = models.CharField(max_length=60, null=True)

    class Meta:
        app_label = "project"
