"""`make bench b=outbox`: the figures of libs/outbox, side by side, on a durable database and a Kafka of their own."""
