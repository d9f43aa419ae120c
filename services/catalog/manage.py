#!/usr/bin/env python
"""Commands of the catalog service."""

from chassis.testing import manage

if __name__ == "__main__":
    manage("catalog")
