"""The topics file: which topics exist, how many partitions they have, how long they keep what they were given."""

import os
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from outbox.conf import conf


@dataclass(frozen=True, slots=True)
class Topic:
    """One `[[topic]]`: kept for `retention_days`, or compacted when that is None."""

    name: str
    partitions: int
    retention_days: float | None
    owner: str = ""

    @property
    def config(self) -> dict[str, str]:
        """Kafka's own settings for this topic."""
        if self.retention_days is None:
            return {"cleanup.policy": "compact"}
        return {"cleanup.policy": "delete", "retention.ms": str(int(self.retention_days * 86_400_000))}


def topics() -> dict[str, Topic]:
    """The topics by name; a `setting` (of Django or the environment) overrides the name. Empty without a file."""
    if conf.TOPICS_FILE is None:
        return {}
    found = {}
    for entry in _entries(Path(conf.TOPICS_FILE)):
        setting = entry.get("setting", "")
        name = getattr(settings, setting, None) or os.environ.get(setting) or entry["name"]
        days = None if entry.get("cleanup") == "compact" else entry.get("retention_days", 14)
        found[name] = Topic(name, entry.get("partitions", 12), days, entry.get("owner", ""))
    return found


@lru_cache(maxsize=8)
def _entries(path: Path) -> list[dict]:
    try:
        return tomllib.loads(path.read_text()).get("topic", [])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ImproperlyConfigured(f"the topics file {path.name} cannot be read: {error}") from error
