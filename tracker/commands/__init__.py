"""Commands to devices: their life, where they are kept, and how they find their device.

`life` and `table` are pure: states, what may follow what, matching of replies, queues, bounds, with
time as an argument. `desk` is the edge: it stores, claims, sends and tells the other nodes.
"""
