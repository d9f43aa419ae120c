"""Create the Beat schedules that are missing; what an operator changed stays, what no task answers to is turned off."""

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand
from django_celery_beat.models import IntervalSchedule, PeriodicTask


class Command(BaseCommand):
    help = "Create the Beat schedules of settings.BEAT_SCHEDULES that do not exist yet (task name: seconds)."

    def handle(self, *args, **options) -> None:
        for task, seconds in settings.BEAT_SCHEDULES.items():
            every = {"every": seconds, "period": IntervalSchedule.SECONDS}  # operators may have made several alike
            interval = IntervalSchedule.objects.filter(**every).first() or IntervalSchedule.objects.create(**every)
            _, created = PeriodicTask.objects.get_or_create(
                name=task.rsplit(".", 1)[-1],
                defaults={"task": task, "interval": interval, "expire_seconds": max(seconds, 10)},
            )
            if created:
                self.stdout.write(f"{task} every {seconds} s")
        current_app.loader.import_default_modules()  # otherwise no task is known yet, and each would be turned off
        for gone in PeriodicTask.objects.filter(enabled=True).exclude(task__in=list(current_app.tasks)):
            PeriodicTask.objects.filter(pk=gone.pk).update(enabled=False)
            self.stdout.write(f"{gone.task} does not exist any more: its schedule is off")
