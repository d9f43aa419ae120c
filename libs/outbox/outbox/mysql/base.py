"""Django's MySQL backend, but `atomic` says BEGIN where Django turns autocommit off and, afterwards, on again."""

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from django.db.backends.mysql import base
from django.db.backends.utils import debug_transaction

from outbox.transactions import is_conflict


class DatabaseWrapper(base.DatabaseWrapper):
    """A conflict ends the transaction: code that catches it may not go on as if what it had written were still there.

    After a deadlock nothing is left of the transaction, and under autocommit each later statement would commit by
    itself. It raises TransactionManagementError instead, until `atomic` has rolled back.
    """

    transactions_in_a_row = False  # a loop of transactions sets it: autocommit stays off, and BEGIN is saved too

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._execute)

    def _start_transaction_under_autocommit(self) -> None:
        """`atomic` calls this where a backend has it (SQLite's has), and leaves autocommit alone."""
        with debug_transaction(self, "BEGIN"), self.wrap_database_errors:
            if self.transactions_in_a_row:
                self.connection.autocommit(False)  # the driver sends nothing when it is so already
            else:
                self.connection.begin()

    def _set_autocommit(self, autocommit: bool) -> None:
        if not (autocommit and self.transactions_in_a_row):
            super()._set_autocommit(autocommit)  # type: ignore[misc]  # the stubs do not know it

    def _execute(self, execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        if self.autocommit and self.connection:  # and no transaction is open: after some in a row it may still be off
            super()._set_autocommit(True)  # type: ignore[misc]
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            if self.in_atomic_block and is_conflict(error):
                self.needs_rollback, self.rollback_exc = True, error
            raise
