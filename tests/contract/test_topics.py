"""Every topic has one writer, every event one producer, and a published version only gains optional fields."""

from __future__ import annotations

import ast
import json
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PUBLISHED = Path(__file__).with_name("published.json")


def topics() -> list[dict]:
    return tomllib.loads((ROOT / "deploy" / "topics.toml").read_text())["topic"]


def declared(service: str) -> tuple[str | None, list[str]]:
    """The settings that a service's settings.py publishes to and subscribes to."""
    tree = ast.parse((ROOT / f"services/{service}/{service}/settings.py").read_text())
    call = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Service"
    )
    keywords = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    return keywords["publishes"], keywords["subscribes"]


def test_each_topic_is_written_by_its_owner_alone_and_read_by_those_it_names():
    services = [path.name for path in (ROOT / "services").iterdir() if (path / "manage.py").exists()]
    for topic in topics():
        writers = [service for service in services if declared(service)[0] == topic["setting"]]
        readers = {service for service in services if topic["setting"] in declared(service)[1]}
        assert writers == [topic["owner"]]
        assert readers == set(topic["consumers"])


def test_partitions_are_what_order_per_key_was_promised_with():
    assert {topic["name"]: topic["partitions"] for topic in topics()} == dict.fromkeys(
        ("user-events", "stock-events", "order-events", "payment-events"), 12
    )


def shape(schema: dict) -> dict:
    """What a reader may rely on: required fields, and each field's schema without its words."""

    def bare(value):
        if isinstance(value, dict):
            return {name: bare(inner) for name, inner in value.items() if name not in {"description", "title", "$id"}}
        return [bare(inner) for inner in value] if isinstance(value, list) else value

    return {"required": sorted(schema["required"]), "properties": bare(schema["properties"])}


def current() -> dict[str, dict]:
    files = ROOT.glob("services/*/contracts/events/*.schema.json")
    return {file.name.removesuffix(".schema.json"): shape(json.loads(file.read_text())) for file in sorted(files)}


def test_a_published_version_only_gains_optional_fields():
    now = current()
    for name, then in json.loads(PUBLISHED.read_text()).items():
        assert name in now, f"{name} was published; it cannot be withdrawn, only superseded"
        assert now[name]["required"] == then["required"], f"{name}: a change of required fields is a new version"
        for field, schema in then["properties"].items():
            assert now[name]["properties"].get(field) == schema, f"{name}.{field} changed: that is a new version"


def test_every_event_type_is_on_the_list_of_published_ones():
    assert set(json.loads(PUBLISHED.read_text())) == set(current())
