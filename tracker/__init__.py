"""The tracker: device frames in, one batched update per viewer per tick, on a live map."""

__version__ = "0.1.0"
