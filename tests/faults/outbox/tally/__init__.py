"""The least service there can be: it counts keys up, says so, and writes down what it hears of itself."""
