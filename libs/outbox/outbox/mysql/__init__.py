"""`ENGINE = "outbox.mysql"`: Django's MySQL backend whose transactions cost one round trip less."""
