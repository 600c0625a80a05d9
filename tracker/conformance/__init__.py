"""Replays recorded frames through the decoders and compares them with another reader's account.

A folder of `NAME.jsonl` files goes in (docs/conformance.md has the format), a `Tally` per file
comes out: how many frames agree, field by field, and each disagreement with both readings. Frames
of one `instance` are replayed in order of `index` on one decoder, as on one connection.
"""
