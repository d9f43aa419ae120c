"""Rules from rows of text: recognised, validated, compared with what is stored, and written all or nothing."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction

from orders.models.rules import (
    DeMinimis,
    DutyRate,
    ExchangeRate,
    Fee,
    ReturnPolicy,
    RuleBook,
    ShippingMethod,
    ShippingRate,
    TaxRate,
    Territory,
)

TABLES = (Territory, DutyRate, TaxRate, DeMinimis, Fee, ShippingMethod, ShippingRate, ExchangeRate, ReturnPolicy)
LISTS = (
    "country",
    "destination",
    "hs_prefix",
)  # columns in which several values, with a space between, mean as many rows
OURS = {"id", "version"}  # never in a file
BATCH = 2000

Row = Mapping[str, str]


class ImportRefused(Exception):
    """Nothing was written; `errors` says why, each with its line."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


@dataclass
class Diff:
    """What an import would do to one table."""

    table: type[Any]
    added: list[models.Model] = field(default_factory=list)
    changed: list[tuple[models.Model, dict[str, tuple]]] = field(default_factory=list)  # field -> (stored, new)
    unchanged: int = 0

    def lines(self) -> Iterator[str]:
        name = self.table.__name__
        for row in self.added:
            columns = [self.table._meta.get_field(key) for key in self.table.KEY]
            columns += [column for column in _columns(self.table).values() if column not in columns]
            values = (f"{column.name}={row.__dict__[column.attname]}" for column in columns)
            yield f"+ {name} " + " ".join(value for value in values if not value.endswith(("=", "=None")))
        for row, changes in self.changed:
            key = " ".join(str(value) for value in _key(row.__dict__, self.table) if value != "")
            yield f"~ {name} {key}: " + ", ".join(f"{name} {old} -> {new}" for name, (old, new) in changes.items())

    def summary(self) -> str:
        counts = f"{len(self.added)} added, {len(self.changed)} changed, {self.unchanged} unchanged"
        return f"{self.table._meta.verbose_name_plural}: {counts}"


def read_file(path: Path) -> tuple[type[Any], list[tuple[int, Row]]]:
    """The table that a CSV file's header names, and its rows with their line numbers; `#` begins a comment line.

    Raises ImportRefused for a header that fits no table, or a row of another length.
    """
    with path.open(encoding="utf-8", newline="") as file:
        numbered = [(number, line) for number, line in enumerate(file, 1) if line.strip() and line[0] != "#"]
    records = list(csv.reader(line for _, line in numbered))
    if len(records) != len(numbered) or not records:
        raise ImportRefused([f"{path.name}: it is empty, or a value goes on over the end of a line"])
    header = records[0]
    uneven = [n for (n, _), record in zip(numbered, records, strict=True) if len(record) != len(header)]
    if uneven:
        raise ImportRefused([f"{path.name} line {n}: it has not as many values as the header" for n in uneven])
    rows: list[tuple[int, Row]] = [
        (number, dict(zip(header, record, strict=True)))
        for (number, _), record in zip(numbered[1:], records[1:], strict=True)
    ]
    return _table_for(header, path.name), rows


def compare(table: type[Any], rows: Iterable[tuple[int, Row]]) -> Diff:
    """What writing these rows would change. Raises ImportRefused with every invalid value and every tie."""
    columns, diff = _columns(table), Diff(table)
    errors: list[str] = []
    lines_by_key: dict[Any, Any] = {}
    wanted: dict[tuple, dict] = {}
    for number, row in rows:
        for single in _expanded(row):
            try:
                values = {column.attname: _parsed(column, single) for column in columns.values()}
            except ValidationError as invalid:
                errors += [f"line {number}: {message}" for message in invalid.messages]
                continue
            key = _key(values, table)
            if key in lines_by_key:
                errors.append(f"line {number}: a tie, line {lines_by_key[key]} is the same rule")
            lines_by_key[key], wanted[key] = number, values
    stored = {_key(values, table): values for values in _stored(table, wanted)}
    for key, values in wanted.items():
        if key not in stored:
            diff.added.append(table(**values))
        elif changes := {
            name: (stored[key][name], value) for name, value in values.items() if stored[key][name] != value
        }:
            version = {"version": stored[key]["version"] + 1} if "version" in stored[key] else {}
            diff.changed.append((table(**{**stored[key], **values, **version}), changes))
        else:
            diff.unchanged += 1
            continue
        errors += _invalid(diff.added[-1] if key not in stored else diff.changed[-1][0], lines_by_key[key])
    if errors:
        raise ImportRefused(errors)
    return diff


def write(diffs: Iterable[Diff]) -> None:
    """Write what `compare` found, all or nothing; in the caller's transaction when there is one."""
    diffs = [diff for diff in diffs if diff.added or diff.changed]
    if not diffs:
        return
    with transaction.atomic(savepoint=False):
        RuleBook.turn_page()
        for diff in diffs:
            diff.table.objects.bulk_create(diff.added, batch_size=BATCH)
            names = [column.name for column in diff.table._meta.concrete_fields if not column.primary_key]
            diff.table.objects.bulk_update([row for row, _ in diff.changed], names, batch_size=BATCH)


def _columns(table: type[Any]) -> dict[str, models.Field]:
    return {column.name: column for column in table._meta.concrete_fields if column.name not in OURS}


def _table_for(header: list[str], name: str) -> type[Any]:
    for table in TABLES:
        columns = _columns(table)
        needed = {key for key, column in columns.items() if not column.null and not column.has_default()} - {"note"}
        if needed <= set(header) <= set(columns) and len(set(header)) == len(header):
            return table
    raise ImportRefused([f"{name}: no table of rules has the columns {', '.join(header)}"])


def _expanded(row: Row) -> Iterator[Row]:
    listed = [name for name in LISTS if " " in row.get(name, "")]
    for values in product(*(row[name].split() for name in listed)):
        yield {**row, **dict(zip(listed, values, strict=True))}


def _parsed(column: models.Field, row: Row):
    """The Python value of a column; an empty or missing text is its default, null, or empty."""
    text = row.get(column.name, "").strip()
    if text == "" and (column.has_default() or column.null):
        return column.get_default()
    if column.remote_field:
        column = column.target_field  # type: ignore[attr-defined]
    try:
        return column.to_python(text)
    except ValidationError as invalid:
        raise ValidationError([f"{column.name}: {message}" for message in invalid.messages]) from invalid


def _key(values: Mapping, table: type[Any]) -> tuple:
    return tuple(values[table._meta.get_field(name).attname] for name in table.KEY)


def _stored(table: type[Any], wanted: Mapping[tuple, dict]) -> Iterable[dict]:
    """The stored rows that could be meant: those of the same first part of the key."""
    return table.objects.filter(**{f"{table.KEY[0]}__in": {key[0] for key in wanted}}).values()


def _invalid(row: models.Model, line: int) -> list[str]:
    try:
        row.clean_fields()
        row.clean()
    except ValidationError as invalid:
        return [f"line {line}: {name}: {' '.join(found)}" for name, found in invalid.message_dict.items()]
    return []
