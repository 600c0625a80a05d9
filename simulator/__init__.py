"""Replays recorded trips and drives generated fleets; shares no code with what it tests."""
