"""The provider's memory: in the process, and in an append-only journal from which it is read again at the start."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .records import KINDS, Answer, Chaos, Intent, Movement, Record, Strike, Webhook, iso

KEYS_ARE_KEPT = 24 * 3600  # seconds
NAMES = {kind: name for name, kind in KINDS.items()}
GROWTH_BYTES = 32 * 1024 * 1024  # written since the last compaction


class Journal:
    """Everything that was committed; readers and writers hold `lock` while they look and decide.

    A commit is one line, so that it is there as a whole or not at all, and it is with the kernel before anybody is
    answered: it outlives the process, though not the machine.
    """

    def __init__(self, folder: Path, now: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.intents: dict[str, Intent] = {}
        self.answers: dict[str, Answer] = {}
        self.strikes: dict[str, Strike] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.chaos = Chaos(0, {})
        self._movements: dict[str, list[Movement]] = {}  # by day
        self._by_reference: dict[str, list[str]] = {}
        self._path = folder / "journal.jsonl"
        for records in _lines(self._path):
            self._remember(records)
        self.compact(now)

    def commit(self, *records: Record) -> None:
        """Write these down together, then know them."""
        line = json.dumps([[NAMES[type(record)], asdict(record)] for record in records], separators=(",", ":"))
        with self.lock:
            self._file.write(line + "\n")
            self._file.flush()
            self._remember(records)

    def of_reference(self, reference: str) -> list[Intent]:
        """The intents that were made for a reference, newest first."""
        return [self.intents[intent_id] for intent_id in reversed(self._by_reference.get(reference, []))]

    def movements_of(self, day: str) -> list[Movement]:
        """What moved on that day (UTC, 2026-11-27), in its order."""
        with self.lock:
            return list(self._movements.get(day, []))

    def compact_if_grown(self, now: float) -> None:
        with self.lock:
            if self._file.tell() - self._compacted_bytes > GROWTH_BYTES:
                self.compact(now)

    def compact(self, now: float) -> None:
        """Forget keys of more than a day; write anew what is known, and replace the old journal by it in one step."""
        with self.lock:
            old = now - KEYS_ARE_KEPT
            self.answers = {key: answer for key, answer in self.answers.items() if answer.at > old}
            self.strikes = {key: strike for key, strike in self.strikes.items() if strike.at > old}
            partial = self._path.with_suffix(".partial")
            self._file = partial.open("w", encoding="utf-8")
            partial.chmod(0o600)
            known = (self.intents, self.answers, self.strikes, self.webhooks)
            movements = (movement for day in self._movements.values() for movement in day)
            for record in (*(each for kept in known for each in kept.values()), *movements, self.chaos):
                self._file.write(json.dumps([[NAMES[type(record)], asdict(record)]], separators=(",", ":")) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            partial.replace(self._path)
            self._compacted_bytes = self._file.tell()

    def _remember(self, records: tuple[Record, ...] | list[Record]) -> None:
        for record in records:
            match record:
                case Intent():
                    if record.id not in self.intents:
                        self._by_reference.setdefault(record.reference, []).append(record.id)
                    self.intents[record.id] = record
                case Answer():
                    self.answers[record.key] = record
                case Strike():
                    self.strikes[record.key] = record
                case Webhook(copies=0):
                    self.webhooks.pop(record.id, None)
                case Webhook():
                    self.webhooks[record.id] = record
                case Movement():
                    self._movements.setdefault(iso(record.at)[:10], []).append(record)
                case Chaos():
                    self.chaos = record


def _lines(path: Path) -> Iterator[list[Record]]:
    """The commits of a journal; a last line that was cut off was never answered, and is dropped."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield [_record(name, fields) for name, fields in json.loads(line)]


def _record(name: str, fields: dict[str, Any]) -> Record:
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return KINDS[name](**frozen)
