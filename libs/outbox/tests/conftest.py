"""Servers and helpers of the library's tests."""
