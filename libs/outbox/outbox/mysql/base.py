"""Django's MySQL backend, but `atomic` says BEGIN where Django turns autocommit off and, afterwards, on again."""

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError
from django.db.backends.mysql import base
from django.db.backends.utils import debug_transaction

from outbox.transactions import DEADLOCK, error_code


class DatabaseWrapper(base.DatabaseWrapper):
    """A deadlock ends the transaction: code that catches it may not go on as if what it had written were still there.

    Nothing is left of the transaction, and under autocommit each later statement would commit by itself. It raises
    TransactionManagementError instead, until `atomic` has rolled back. Likewise a statement that commits implicitly
    (DDL, TRUNCATE) ends the transaction: what follows it inside `atomic` commits statement by statement.
    """

    # A loop of transactions sets it: autocommit stays off, and BEGIN is saved too. Not for code that also calls
    # procedures outside of transactions or sets autocommit by hand.
    transactions_in_a_row = False
    _begun = False  # and neither committed nor rolled back

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._execute)

    def _start_transaction_under_autocommit(self) -> None:
        """`atomic` calls this where a backend has it (SQLite's has), and leaves autocommit alone."""
        self._begun, self.rollback_exc = True, None  # Django keeps the last transaction's error for ever
        with debug_transaction(self, "BEGIN"), self.wrap_database_errors:
            if self.transactions_in_a_row:
                self.connection.autocommit(False)  # the driver sends nothing when it is so already
            else:
                self.connection.begin()

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]  # the stubs do not know it
        self._begun = False

    def _rollback(self) -> None:
        super()._rollback()  # type: ignore[misc]
        self._begun = False

    def _set_autocommit(self, autocommit: bool) -> None:
        if autocommit and self._begun:  # something came between the block's end and its COMMIT: a signal, a time limit
            self._rollback()
        if not (autocommit and self.transactions_in_a_row):
            super()._set_autocommit(autocommit)  # type: ignore[misc]

    def _execute(self, execute: Callable, sql: str, params: Any, many: bool, context: dict) -> Any:
        if self.autocommit and self.connection:  # and no transaction is open: after some in a row it may still be off
            super()._set_autocommit(True)  # type: ignore[misc]
        try:
            return execute(sql, params, many, context)
        except DatabaseError as error:
            if self.in_atomic_block and error_code(error) == DEADLOCK:
                self.needs_rollback, self.rollback_exc = True, error  # type: ignore[assignment]
            raise
