"""The devices' side: what listens on their ports, and what is said with each of them.

From the floor up: `ports` (which protocols each is for), `certificates` and `tls`, `strangers` (who
was not understood), `polls`, and the contracts of `base`; `dialogue`, what is said whatever carries
it; its two carriers, `connection` (TCP) and `source` (UDP); and what listens, `gateway` and
`datagrams`. What comes from brokers is the same dialogue, see `tracker.mqtt`.
"""
