"""The outbox under fire: real processes are killed and frozen, servers die, and an independent reader checks the promise."""
