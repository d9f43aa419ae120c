#!/usr/bin/env python
"""Commands of the identity service."""

from chassis.testing import manage

if __name__ == "__main__":
    manage("identity")
