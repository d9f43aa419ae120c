"""Operators' pages, by feature."""

from payments.admin import books, payments  # noqa: F401 - registered by being imported
