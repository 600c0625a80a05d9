"""What the tests of device protocols share."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.unit.protocols.transcripts")
