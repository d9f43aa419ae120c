"""What a person may see of an event's data without being shown somebody's name and address."""

import json
import re
from typing import Any

HARMLESS = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # ids
    r"|\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?"  # dates and times
    r"|[A-Z]{2,3}"  # countries and currencies
    r"|[a-z]+(_[a-z]+)+",  # states and reasons
    re.ASCII,
)


def masked(payload: str | bytes | memoryview | None) -> str:
    """The JSON with its shape, numbers, ids, dates and codes, and dots for every other text; indented."""
    if payload is None:
        return ""
    raw = payload.encode() if isinstance(payload, str) else bytes(payload)
    try:
        return json.dumps(_mask(json.loads(raw)), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return f"{len(raw)} bytes that are no JSON"


def _mask(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _mask(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_mask(each) for each in value]
    if isinstance(value, str) and not HARMLESS.fullmatch(value):
        return "…"
    return value
