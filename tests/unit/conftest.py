"""Hypothesis without deadlines: on a busy machine they would measure the machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
