"""Writes what becomes of commands behind the scenes, for a device does not wait for the store."""

from __future__ import annotations

from functools import partial

from tracker.commands.table import ENDED_MOST, OPEN_MOST
from tracker.model import CommandRecord
from tracker.saver import Saver
from tracker.storage import commands
from tracker.storage.base import Store

BATCH = 200  # commands in one transaction
UNSAVED_MOST = OPEN_MOST + ENDED_MOST  # beyond it the oldest is lost, and counted


class CommandSaver(Saver[CommandRecord]):
    """Of commands: the newest telling of one replaces the older."""

    def __init__(self, store: Store, unsaved_most: int = UNSAVED_MOST) -> None:
        write = partial(commands.save, store)
        super().__init__("commands", write, batch=BATCH, most=unsaved_most)
