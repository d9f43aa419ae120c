"""Everything that the library raises.

OutboxError
├── NotInTransaction       publish() outside of a transaction
├── EventRefused           publish() was given an event that cannot be sent
│   ├── SchemaViolation    its data does not fit its JSON schema, or there is no schema
│   ├── PayloadTooLarge    above OUTBOX["MAX_PAYLOAD_BYTES"]
│   └── UnknownTopic       OUTBOX["TOPIC"] is missing, or the topics file does not know it
├── Undecodable            a message from Kafka that is no event
├── NotOutermost           retry_conflicts() inside a transaction
├── NotWaiting             replay, discard or retry of something that does not wait for a person (any more)
└── PublishError           what a producer says about a message
    ├── BrokerUnavailable  (a) transport or broker: no attempt is counted
    │   └── ProducerDied   the same, and this producer must be built anew
    ├── MessageRejected    (b) the message's own fault: an attempt is counted
    └── TopicUnavailable   (c) no such topic, or no right to write it: alarm, and only this topic waits
"""


class OutboxError(Exception):
    """Base of all of them."""


class NotInTransaction(OutboxError):
    """publish() was called in autocommit mode."""


class EventRefused(OutboxError):
    """The event cannot be published as it is."""


class SchemaViolation(EventRefused):
    """The data does not fit the event's JSON schema."""


class PayloadTooLarge(EventRefused):
    """The JSON is above the limit."""


class UnknownTopic(EventRefused):
    """There is no such topic to publish to."""


class Undecodable(OutboxError):
    """The message is no CloudEvent with a JSON object in it."""


class NotOutermost(OutboxError):
    """A transaction was already open where one must be retried as a whole."""


class NotWaiting(OutboxError):
    """The row was settled before, or is not its key's first."""


class PublishError(OutboxError):
    """A message was not acknowledged."""


class BrokerUnavailable(PublishError):
    """The broker or the way to it failed."""


class ProducerDied(BrokerUnavailable):
    """The producer is in a fatal state."""


class MessageRejected(PublishError):
    """The broker or the client refuses this message for what it is."""


class TopicUnavailable(PublishError):
    """The topic is missing or forbidden."""
