"""Brokers: positions that come from them, and messages that are relayed to them."""
