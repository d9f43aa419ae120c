"""Making the topics of the topics file."""

from collections.abc import Iterable

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

from outbox.errors import BrokerUnavailable
from outbox.kafka.clients import settings
from outbox.topics import Topic


def apply_topics(wanted: Iterable[Topic], seconds: float = 10.0) -> list[str]:
    """Make the missing topics and set the retention of all; says what was done or differs. Raises BrokerUnavailable.

    The number of partitions is never changed: it would break the order of keys.
    """
    admin, done = AdminClient(settings("admin")), []
    try:
        present = admin.list_topics(timeout=seconds).topics
        missing = [topic for topic in wanted if topic.name not in present]
        made = [NewTopic(topic.name, topic.partitions, -1, config=topic.config) for topic in missing]
        for name, future in (admin.create_topics(made, request_timeout=seconds) if made else {}).items():
            future.result()
            done.append(f"made {name}")
        for topic in wanted:
            if topic in missing:
                continue
            if len(present[topic.name].partitions) != topic.partitions:
                done.append(
                    f"{topic.name} has {len(present[topic.name].partitions)} partitions, not {topic.partitions}"
                )
            resource = ConfigResource(ConfigResource.Type.TOPIC, topic.name)
            current = admin.describe_configs([resource], request_timeout=seconds)[resource].result()
            if any(current[name].value != value for name, value in topic.config.items()):
                _set_config(admin, topic, seconds)
                done.append(f"changed {topic.name}")
    except KafkaException as error:
        raise BrokerUnavailable(str(error.args[0])) from error
    return done


def _set_config(admin: AdminClient, topic: Topic, seconds: float) -> None:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in topic.config.items()
    ]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic.name, incremental_configs=entries)
    admin.incremental_alter_configs([resource], request_timeout=seconds)[resource].result()
