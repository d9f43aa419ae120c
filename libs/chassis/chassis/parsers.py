"""Reading a request's body: JSON of bounded size and depth, and nothing that other parsers would read differently."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from chassis.problems import Problem

MAX_BYTES = 1_048_576
MAX_DEPTH = 12


class TooLarge(Problem):
    status, title = 413, "Content too large"


class BoundedJSONParser(BaseParser):
    """Strict JSON, at most 1 MiB and twelve levels deep; duplicate keys, NaN and lone surrogates are refused."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise TooLarge("too_large", f"The body may have at most {MAX_BYTES} bytes.")
        try:
            document = json.loads(
                raw.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_float=_finite, parse_constant=_no_constant
            )
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not valid JSON: {error}") from error
        _check(document, MAX_DEPTH)
        return document


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return document


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _check(value: Any, levels_left: int) -> None:
    if levels_left == 0 and isinstance(value, dict | list):
        raise ParseError(f"The body is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _check_text(name)
            _check(inner, levels_left - 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, levels_left - 1)


def _check_text(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("The body has a lone surrogate, which is not a character.")
