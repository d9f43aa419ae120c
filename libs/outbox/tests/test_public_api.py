"""The pinned public API: what other projects import, with its parameters. A change here is a new major version."""

import importlib
import inspect
from importlib.resources import files

import outbox.conf
import pytest

SIGNATURES = {
    "publishing.publish": "(*events: outbox.events.Publishable) -> list[str]",
    "publishing.pending_count": "() -> int",
    "transactions.retry_conflicts": "(function: collections.abc.Callable[[], ~T]) -> ~T",
    "transactions.is_transient": "(error: BaseException | None) -> bool",
    "context.correlation": "(*, correlation_id: str | None = None, causation_id: str | None = None,"
    " traceparent: str | None = None) -> collections.abc.Iterator[outbox.context.Correlation]",
    "context.current": "() -> outbox.context.Correlation",
    "progress.caught_up_since": "(moment: datetime.datetime, topics: collections.abc.Iterable[str]) -> bool",
    "dead.waiting": "() -> list[outbox.models.DeadEvent]",
    "dead.replay": "(dead_id: int, *, by: str) -> None",
    "dead.discard": "(dead_id: int, *, by: str) -> None",
    "parked.retry_key": "(parked_id: int, *, by: str = 'the sweep') -> int",
    "parked.retry_due": "(limit: int = 200) -> int",
    "parked.discard": "(parked_id: int, *, by: str) -> None",
    "metrics.register_row_counts": "(registry: prometheus_client.registry.CollectorRegistry = <registry>) -> None",
    "testing.capture_events": "() -> collections.abc.Iterator[list[outbox.events.Event]]",
    "testing.as_event": "(row: outbox.models.OutboxEvent) -> outbox.events.Event",
    "testing.deliver": "(type: str, data: dict[str, typing.Any], *, key: object, id: object | None = None,"
    " topic: str = 'test-events', subject: str = '', sequence: int | None = 1,"
    " time: datetime.datetime | None = None, now: datetime.datetime | None = None, source: str = '/test',"
    " **others: str | None) -> bool",
}
FIELDS = {
    "events.Event": "id type topic key subject sequence time data source correlation_id causation_id traceparent",
    "context.Correlation": "correlation_id causation_id traceparent",
    "testing.MemoryBroker": "topics messages failures producers_made",
}
TASKS = {"publish_outbox_events", "retry_parked", "purge_inbox"}
COMMANDS = {
    *("consume_events", "inbox_parked", "inbox_purge", "outbox_dead", "outbox_drain", "outbox_relay", "outbox_status"),
    *("run_events", "topics_apply"),
}
ERRORS = {
    *("OutboxError", "NotInTransaction", "EventRefused", "SchemaViolation", "PayloadTooLarge", "UnknownTopic"),
    *("Undecodable", "NotOutermost", "NotWaiting", "PublishError", "BrokerUnavailable", "ProducerDied"),
    *("MessageRejected", "TopicUnavailable"),
}
SETTINGS = {
    *("SERVICE", "TOPIC", "SUBSCRIPTIONS", "HANDLERS", "SCHEMAS", "VALIDATE", "WAKE_URL", "BOOTSTRAP_SERVERS"),
    *("CLIENT_ID", "IDEMPOTENCE", "PRODUCER", "CONSUMER", "GROUP_PROTOCOL", "SECURITY_PROTOCOL", "SASL_MECHANISM"),
    *("SASL_USERNAME", "SASL_PASSWORD", "BATCH_SIZE", "PUBLISH_SECONDS", "MAX_ATTEMPTS", "MAX_PAYLOAD_BYTES"),
    *("TOPICS_FILE", "HANDLER_SPAN", "METRICS_PORT"),
}


def found(path: str) -> object:
    module, name = path.rsplit(".", 1)
    return getattr(importlib.import_module(f"outbox.{module}"), name)


@pytest.mark.parametrize("path", SIGNATURES)
def test_a_public_function_keeps_its_signature(path):
    signature = str(inspect.signature(found(path))).replace("Publishable'", "Publishable")
    start = signature.find("<prometheus_client")
    if start >= 0:
        signature = signature[:start] + "<registry>" + signature[signature.index(">", start) + 1 :]
    assert signature == SIGNATURES[path]


@pytest.mark.parametrize("path", FIELDS)
def test_a_public_class_keeps_its_fields(path):
    cls = found(path)
    names = getattr(cls, "_fields", None) or list(cls.__dataclass_fields__)
    assert list(names) == FIELDS[path].split()


def test_tasks_commands_errors_and_settings_keep_their_names():
    tasks, errors = importlib.import_module("outbox.tasks"), importlib.import_module("outbox.errors")
    assert {name for name in TASKS if getattr(tasks, name).name == f"outbox.tasks.{name}"} == TASKS
    commands = {path.name for path in files("outbox.management.commands").iterdir() if path.name.endswith(".py")}
    assert commands == {f"{name}.py" for name in COMMANDS} | {"__init__.py"}
    assert {name for name, each in vars(errors).items() if inspect.isclass(each)} == ERRORS
    assert outbox.conf.DEFAULTS.keys() == SETTINGS


def test_the_library_tells_type_checkers_that_it_is_typed():
    assert files("outbox").joinpath("py.typed").is_file()
