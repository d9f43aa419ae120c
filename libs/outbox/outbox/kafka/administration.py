"""Making the topics of the topics file, and asking how far the group has got."""

from collections.abc import Iterable

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, OffsetSpec

from outbox.conf import conf
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


def group_lag(names: Iterable[str], seconds: float = 5.0) -> dict[str, int]:
    """Messages on each topic that this service's group has not committed yet. Raises BrokerUnavailable.

    A topic that the broker does not know is left out.
    """
    admin = AdminClient(settings("admin"))
    try:
        known = admin.list_topics(timeout=seconds).topics
        places = [TopicPartition(name, number) for name in names if name in known for number in known[name].partitions]
        if not places:
            return {}
        ends = admin.list_offsets({place: OffsetSpec.latest() for place in places}, request_timeout=seconds)
        group = ConsumerGroupTopicPartitions(conf.SERVICE, places)
        [committed] = admin.list_consumer_group_offsets([group], request_timeout=seconds).values()
        reached = {(each.topic, each.partition): each.offset for each in committed.result().topic_partitions}
        lag: dict[str, int] = {}
        for place, answer in ends.items():
            behind = answer.result().offset - max(0, reached.get((place.topic, place.partition), 0))
            lag[place.topic] = lag.get(place.topic, 0) + behind
    except KafkaException as error:
        raise BrokerUnavailable(str(error.args[0])) from error
    return lag
