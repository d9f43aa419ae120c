"""All tables. outbox_event and outbox_lane are raw SQL: Django cannot say their primary key."""

from django.db import migrations, models

EVENT_TABLE = """
CREATE TABLE outbox_event (
    lane        TINYINT UNSIGNED NOT NULL,
    id          BIGINT NOT NULL AUTO_INCREMENT,
    event_id    CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    topic       VARCHAR(249) NOT NULL,
    `key`       VARCHAR(255) NOT NULL,
    type        VARCHAR(255) NOT NULL,
    subject     VARCHAR(255) NOT NULL,
    payload     LONGTEXT NOT NULL,
    headers     LONGTEXT NOT NULL,
    created_at  DATETIME(6) NOT NULL,
    attempts    SMALLINT UNSIGNED NOT NULL,
    last_error  LONGTEXT NOT NULL,
    PRIMARY KEY (lane, id),
    UNIQUE KEY outbox_event_id (id)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
"""
LANE_TABLE = "CREATE TABLE outbox_lane (lane TINYINT UNSIGNED NOT NULL PRIMARY KEY) ENGINE=InnoDB"
LANE_ROWS = "INSERT INTO outbox_lane (lane) VALUES " + ", ".join(f"({lane})" for lane in range(16))


def exact(length, **options):
    return models.CharField(max_length=length, db_collation="utf8mb4_bin", **options)


def event_id(**options):
    return models.CharField(max_length=36, db_collation="ascii_bin", **options)


def exact_text():
    return models.TextField(db_collation="utf8mb4_bin")


def auto_id():
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def event_fields():
    return [
        ("event_id", event_id()),
        ("topic", exact(249)),
        ("key", exact(255)),
        ("type", exact(255)),
        ("subject", exact(255)),
        ("payload", exact_text()),
        ("headers", exact_text()),
        ("created_at", models.DateTimeField()),
    ]


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL([LANE_TABLE, LANE_ROWS], "DROP TABLE outbox_lane"),
        migrations.RunSQL(
            EVENT_TABLE,
            "DROP TABLE outbox_event",
            state_operations=[
                migrations.CreateModel(
                    "OutboxEvent",
                    [
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("lane", models.PositiveSmallIntegerField()),
                        *event_fields(),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("last_error", models.TextField(default="", blank=True)),
                    ],
                    {"db_table": "outbox_event", "verbose_name": "pending event", "ordering": ["id"]},
                )
            ],
        ),
        migrations.CreateModel(
            "KeyBlock",
            [
                ("id", auto_id()),
                ("topic", exact(249)),
                ("key", exact(255)),
                ("lane", models.PositiveSmallIntegerField()),
                ("until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField()),
                ("error", models.TextField()),
            ],
            {
                "db_table": "outbox_key_block",
                "verbose_name": "waiting key",
                "constraints": [models.UniqueConstraint(fields=["topic", "key"], name="outbox_key_block_key")],
            },
        ),
        migrations.CreateModel(
            "DeadEvent",
            [
                ("id", auto_id()),
                ("lane", models.PositiveSmallIntegerField()),
                ("row_id", models.BigIntegerField()),
                *event_fields(),
                ("attempts", models.PositiveSmallIntegerField()),
                ("reason", models.TextField()),
                ("dead_at", models.DateTimeField()),
                ("replayed_at", models.DateTimeField(null=True, blank=True)),
                ("replayed_by", models.CharField(max_length=150, default="", blank=True)),
                ("discarded_at", models.DateTimeField(null=True, blank=True)),
                ("discarded_by", models.CharField(max_length=150, default="", blank=True)),
            ],
            {
                "db_table": "outbox_dead",
                "verbose_name": "dead event",
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["topic", "key"], name="outbox_dead_key")],
            },
        ),
        migrations.CreateModel(
            "InboxEntry",
            [
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "consumer", "event_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("consumer", exact(64)),
                ("event_id", event_id()),
                ("received_at", models.DateTimeField()),
            ],
            {
                "db_table": "inbox",
                "verbose_name_plural": "inbox entries",
                "indexes": [models.Index(fields=["received_at"], name="inbox_received_at")],
            },
        ),
        migrations.CreateModel(
            "ParkedEvent",
            [
                ("id", auto_id()),
                ("consumer", exact(64)),
                ("topic", exact(249)),
                ("partition", models.PositiveIntegerField()),
                ("offset", models.BigIntegerField()),
                ("key", exact(255)),
                ("event_id", event_id(null=True)),
                ("type", exact(255, default="")),
                ("headers", exact_text()),
                ("value", models.BinaryField(null=True)),
                ("timestamp", models.BigIntegerField(default=0)),
                ("reason", models.TextField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_try", models.DateTimeField()),
                ("parked_at", models.DateTimeField()),
            ],
            {
                "db_table": "inbox_parked",
                "verbose_name": "parked event",
                "ordering": ["topic", "partition", "offset"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["consumer", "topic", "partition", "offset"], name="inbox_parked_offset"
                    )
                ],
                "indexes": [models.Index(fields=["consumer", "topic", "key", "offset"], name="inbox_parked_key")],
            },
        ),
        migrations.CreateModel(
            "ConsumerProgress",
            [
                ("id", auto_id()),
                ("consumer", exact(64)),
                ("topic", exact(249)),
                ("partition", models.PositiveIntegerField()),
                ("caught_up_at", models.DateTimeField()),
            ],
            {
                "db_table": "consumer_progress",
                "verbose_name_plural": "consumer progress",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["consumer", "topic", "partition"], name="consumer_progress_partition"
                    )
                ],
            },
        ),
    ]
