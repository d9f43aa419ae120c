"""Lanes: sixteen locks over all keys. Events of one key share a lane, so one relay at a time sends them."""

from zlib import crc32

LANES = 16


def lane_of(topic: str, key: str) -> int:
    """The lane of a key, 0..15; never changes."""
    return crc32(f"{topic}:{key}".encode()) % LANES
