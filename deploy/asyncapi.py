"""Writes services/<service>/contracts/asyncapi.yaml (AsyncAPI 3.0) from the event schemas beside it and topics.toml.

python -m deploy.asyncapi [--check]; --check writes nothing: its exit code 1 says that one is out of date. Schemas are
referred to, not copied, so only a new event, a new title or another topic changes a document.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
DAY = 86_400_000  # milliseconds
TEXT = {"type": "string"}
HEADERS = {  # CloudEvents 1.0, Kafka binary mode
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_dataschema"],
    "properties": {
        "content-type": {"const": "application/json"},
        "ce_specversion": {"const": "1.0"},
        "ce_id": TEXT | {"description": "UUIDv7; what is delivered twice has the same one.", "format": "uuid"},
        "ce_type": TEXT | {"description": "The message's name."},
        "ce_source": TEXT | {"description": "The service that wrote it."},
        "ce_subject": TEXT | {"description": "What it is about."},
        "ce_time": TEXT | {"description": "When it happened, UTC.", "format": "date-time"},
        "ce_dataschema": TEXT | {"description": "Names the payload's schema."},
        "ce_sequence": TEXT | {"description": "The aggregate's version, if it has one.", "pattern": "^[0-9]+$"},
        "ce_correlationid": TEXT | {"description": "The same for all that one request caused."},
        "ce_causationid": TEXT | {"description": "The event or request that caused this one."},
        "traceparent": TEXT | {"description": "W3C Trace Context."},
    },
}


def topics() -> list[dict[str, Any]]:
    """The topics of topics.toml."""
    return tomllib.loads((ROOT / "deploy" / "topics.toml").read_text())["topic"]


def path_of(topic: dict[str, Any]) -> Path:
    """The document of the service that writes this topic."""
    return ROOT / "services" / topic["owner"] / "contracts" / "asyncapi.yaml"


def describe(topic: dict[str, Any]) -> dict[str, Any]:
    """What the topic's owner publishes, as an AsyncAPI document."""
    name, owner = topic["name"], topic["owner"]
    suffix = ".schema.json"
    schemas = sorted((ROOT / "services" / owner / "contracts" / "events").glob(f"*{suffix}"))
    messages = {path.name.removesuffix(suffix): _message(path, suffix) for path in schemas}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"Crossborder Trade: events of {owner}",
            "version": "1.0.0",
            "description": f"Delivered at least once, in order per key. Read by {', '.join(topic['consumers'])}.",
        },
        "defaultContentType": "application/json",
        "channels": {
            name: {
                "address": name,
                "description": f"Written by {owner} alone; the setting {topic['setting']} may rename it.",
                "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
                "bindings": {"kafka": _kafka(topic)},
            }
        },
        "operations": {"publish": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}},
        "components": {
            "messages": messages,
            "messageTraits": {
                "event": {
                    "contentType": "application/json",
                    "headers": HEADERS,
                    "bindings": {"kafka": {"key": TEXT | {"description": "The aggregate's id."}}},
                }
            },
        },
    }


def _message(path: Path, suffix: str) -> dict[str, Any]:
    schema = json.loads(path.read_text())
    return {
        "name": path.name.removesuffix(suffix),
        "title": schema["title"],
        "summary": schema["description"],
        "traits": [{"$ref": "#/components/messageTraits/event"}],
        "payload": {"$ref": f"./events/{path.name}"},
    }


def _kafka(topic: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"cleanup.policy": [topic.get("cleanup", "delete")]}
    if "retention_days" in topic:
        kept["retention.ms"] = topic["retention_days"] * DAY
    return {"partitions": topic["partitions"], "topicConfiguration": kept, "bindingVersion": "0.5.0"}


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def main(*, check: bool) -> int:
    stale = []
    for topic in topics():
        path = path_of(topic)
        text = yaml.dump(describe(topic), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
        if not path.exists() or path.read_text() != text:
            stale.append(path)
            if not check:
                path.write_text(text)
    for path in stale:
        print(f"{'out of date' if check else 'written'}: {path.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
