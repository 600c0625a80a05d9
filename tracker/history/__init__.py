"""Reading what was stored: tracks, trips and stops, summaries, playback, exports and imports.

Everything here is pure: pages of positions go in, in the order of the store, and answers come out
a piece at a time, so that a year is read in the memory of a page. `tracker.web.history_api` joins
it to the store and to REST.
"""
