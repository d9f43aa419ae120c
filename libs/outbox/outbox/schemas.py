"""JSON schemas of the events that this service publishes: one file `<type>.schema.json` each."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from outbox.conf import conf
from outbox.errors import SchemaViolation


def validate(type: str, data: Any) -> None:
    """Raise SchemaViolation if `data` does not fit the schema of `type`, or if there is no such schema."""
    if conf.SCHEMAS is None:
        raise SchemaViolation("OUTBOX['SCHEMAS'] is not set, so no event can be checked")
    try:
        _validator(Path(conf.SCHEMAS), type)(data)
    except fastjsonschema.JsonSchemaValueException as error:
        raise SchemaViolation(f"{type}: {error.message}") from error


def schema_uri(type: str) -> str:
    """What `ce_dataschema` says of a type."""
    return f"urn:schema:{type}"


@cache
def _validator(folder: Path, type: str) -> Callable[[Any], Any]:
    path = folder / f"{type}.schema.json"
    if not path.is_file():
        raise SchemaViolation(f"{type} has no schema {path.name}")

    def referenced(uri: str) -> Any:
        """Schemas refer to their neighbours by file name; nothing is ever fetched."""
        return json.loads((folder / uri.rsplit("/", 1)[-1].split("#")[0]).read_text())

    handlers = dict.fromkeys(["", "http", "https", "file", "urn"], referenced)
    return fastjsonschema.compile(json.loads(path.read_text()), handlers=handlers, use_default=False)
