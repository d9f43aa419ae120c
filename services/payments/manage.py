#!/usr/bin/env python
"""Commands of the payments service."""

from chassis.testing import manage

if __name__ == "__main__":
    manage("payments")
