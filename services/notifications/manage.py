#!/usr/bin/env python
"""Commands of the notifications service."""

from chassis.testing import manage

if __name__ == "__main__":
    manage("notifications")
