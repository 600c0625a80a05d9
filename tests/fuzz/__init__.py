"""A million mutated frames through detection and every decoder: `python -m tests.fuzz`.

Whatever bytes go in, in whatever cuts, only a message, None or DecodeError comes out; no call takes
longer than its limit; nothing grows. Seeds are the transcripts of tests/unit/protocols/vectors, of
every protocol in the registry. Each connection is made from the run's seed and its own number
alone, so a failure can be made again from the two, or from the file in which its bytes are kept.
"""
