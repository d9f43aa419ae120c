"""The outbox under fire: processes are killed and frozen, servers die, and an independent reader checks the promise."""
