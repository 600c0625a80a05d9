"""The budget of the design, measured: `make bench` prints a table and writes JSON.

Machines are noisy, so every figure is a ratio to a bare baseline taken in the same run, or a count.
"""
