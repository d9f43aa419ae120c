"""The AsyncAPI documents say what the event schemas and topics.toml say today."""

import pytest
import yaml

from deploy import asyncapi


@pytest.mark.parametrize("topic", asyncapi.topics(), ids=lambda topic: topic["name"])
def test_the_document_is_up_to_date(topic):
    written = yaml.safe_load(asyncapi.path_of(topic).read_text())
    assert written == asyncapi.describe(topic), "run `make docs`"


@pytest.mark.parametrize("topic", asyncapi.topics(), ids=lambda topic: topic["name"])
def test_every_event_of_the_owner_is_a_message_with_a_payload_that_is_there(topic):
    path = asyncapi.path_of(topic)
    messages = yaml.safe_load(path.read_text())["components"]["messages"]
    schemas = (path.parent / "events").glob("*.schema.json")
    assert messages.keys() == {schema.name.removesuffix(".schema.json") for schema in schemas}
    assert all((path.parent / message["payload"]["$ref"]).is_file() for message in messages.values())
