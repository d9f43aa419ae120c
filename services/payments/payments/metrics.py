"""What is counted about payments."""

from prometheus_client import Counter

PAYMENTS = Counter("payments_total", "Payments by what was said of them", ["result"])
ALARMS = Counter("payment_alarms_total", "Second successes and wrong amounts, given back")
