"""A small shop to measure in: an order with lines, a counter that a handler updates."""
