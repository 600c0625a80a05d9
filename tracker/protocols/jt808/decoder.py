"""The decoder of one connection that speaks JT/T 808."""

from __future__ import annotations

import re
import struct

from tracker.errors import DecodeError
from tracker.protocols.base import Family, Heartbeat, Message, Refused, Session
from tracker.protocols.jt808 import commands, lock, messages, notices
from tracker.protocols.jt808.clone import CLONE_MARK
from tracker.protocols.jt808.link import BAD_MESSAGE, FAILED, Link
from tracker.protocols.jt808.marks import begins_clone, message_at, probe
from tracker.protocols.jt808.splits import MEDIA, Split
from tracker.protocols.jt808.wire import (
    FRAME_MOST,
    LOCK_MESSAGES,
    MARK,
    TEXT_LINE,
    TEXT_MOST,
    Frame,
    unpack_clone,
    unpack_text,
)
from tracker.protocols.stream import Outcome, StreamDecoder, after_login, merged

MARKS = re.compile(MARK + b"|" + CLONE_MARK)

REGISTER, AUTHENTICATE = 0x0100, 0x0102
RESEND = 0x8003
TEXT_START = ord("(")

# Messages of locks: what the standard answers means nothing to them.
FOREIGN = LOCK_MESSAGES | {TEXT_LINE}

# Answers to our own messages; the standard has no answer to them.
UNANSWERED = frozenset({0x0001, 0x0005, 0x0104, 0x0107, 0x0201, 0x0500, RESEND})

HANDLERS = merged(messages.HANDLERS, notices.HANDLERS, lock.HANDLERS)


class Jt808Decoder(StreamDecoder[Frame]):
    """Decoder of one connection. Options: docs/protocols/jt808.md."""

    name = "jt808"
    link: Link
    COMMANDS = commands.COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)
        self._open = False  # the mark that ended the last frame may begin the next

    def cut(self) -> Frame | None:
        """What stands between the next two marks; DecodeError for what is not a frame."""
        data = self.buffer.data
        while data[:2] == b"\x7e\x7e":
            self.buffer.drop(1)
        if not data:
            return None
        if data[0] == TEXT_START and (line := self._text_line()) is not None:
            return line
        if data[0] != MARK[0] and not self._open:
            return self._clone_message()
        start = 1 if data[0] == MARK[0] else 0
        end = self.buffer.find(MARK, start)
        if end >= 0:
            return self._message(start, end)
        if len(data) > FRAME_MOST:
            self._open = False
            lost = self.buffer.take(len(data))
            raise DecodeError("length", "jt808: no mark within the longest frame", lost)
        return None

    def _message(self, start: int, end: int) -> Frame | None:
        """The message whose content begins at `start`, with its next mark at `end`."""
        found = message_at(self.buffer.data, start, end)
        if found is None:
            return None
        last, frame = found
        self.buffer.drop(last + 1)
        self._open = True
        if isinstance(frame, DecodeError):
            raise frame
        return frame

    def _clone_message(self) -> Frame | None:
        """The next message of a clone, None if it is incomplete; DecodeError if there is none."""
        data = self.buffer.data
        while data[:2] == CLONE_MARK * 2:
            self.buffer.drop(1)
        begins = begins_clone(data)
        end = self.buffer.find(CLONE_MARK, 1)
        if begins is False or (end < 0 and len(data) > FRAME_MOST):
            raise self._skip_garbage()
        if begins is None or end < 0:
            return None
        content = self.buffer.take(end)[1:]
        frame = unpack_clone(content)  # if it is damaged, the mark behind it may begin the next one
        self.buffer.drop(1)
        return frame

    def _text_line(self) -> Frame | None:
        """A line of a lock at the front, if it is complete."""
        end = self.buffer.data.find(b")", 0, TEXT_MOST)
        line = unpack_text(bytes(self.buffer.data[: end + 1]))
        if line is not None:
            self.buffer.drop(end + 1)
        return line

    def _skip_garbage(self) -> DecodeError:
        found = MARKS.search(self.buffer.data, 1)
        garbage = self.buffer.take(found.start() if found else len(self.buffer))
        return DecodeError("garbage", f"jt808: {len(garbage)} bytes skipped", garbage)

    def decode(self, frame: Frame) -> Outcome:
        """Messages of one frame, the Login of its phone and any request for packets before them."""
        link = self.link
        link.head = frame.head
        ident = link.ident(frame.head)
        if link.session.options.get("jt808_strict_auth") and not self._may_speak(frame, ident):
            return Refused(link.answer(frame, FAILED), reason="login")
        if link.splits:
            self._ready.extend(self._ask_again())
        names_itself = frame.message in (REGISTER, AUTHENTICATE) and not frame.packets
        if link.session.ident == ident or names_itself:
            return self._handle(frame)
        refusal = b"" if frame.message in FOREIGN else link.refusal(frame)
        return after_login(link.session, ident, lambda: self._handle(frame), refusal)

    def refuse(self, frame: Frame, error: DecodeError) -> Message | None:
        """Say "bad message", so that the terminal does not repeat it for ever."""
        if frame.message in UNANSWERED | FOREIGN:
            return None
        return Refused(self.link.answer(frame, BAD_MESSAGE), reason=error.kind)

    def _may_speak(self, frame: Frame, ident: str) -> bool:
        return frame.message in (REGISTER, AUTHENTICATE) or self.link.authentic == ident

    def _handle(self, frame: Frame) -> Outcome:
        if frame.packets:
            return self._assemble(frame)
        return HANDLERS.get(frame.message, notices.unknown)(self.link, frame)

    def _assemble(self, frame: Frame) -> Outcome:
        """One packet of a split message, answered at once but for the one that completes it: that
        answer is the message's own, so a location counts as acknowledged only when it is stored.
        """
        link = self.link
        split = link.splits.add(frame, self.session.now)
        if not split.complete:
            answer = link.answer(frame)
            if frame.packet == frame.packets:
                answer += self._request(split)
            return Heartbeat(answer)
        whole = frame._replace(body=split.body, packets=0, packet=0)
        if frame.message != MEDIA:
            return self._handle(whole)
        return [Heartbeat(link.answer(frame)), notices.recording(link, whole, split.size)]

    def _ask_again(self) -> list[Message | DecodeError]:
        """Requests for packets that are missing for too long; splits given up as errors."""
        due, lost = self.link.splits.overdue(self.session.now)
        asked: list[Message | DecodeError] = [Heartbeat(self._request(split)) for split in due]
        return asked + [DecodeError("split", "jt808: packets missing for good")] * lost

    def _request(self, split: Split) -> bytes:
        """8003: serial u16 of the first packet, count u8 (2019: u16), packets u16 each. A recording
        is asked for in its own words, once its first packet has said which one it is.
        """
        if split.message == MEDIA and 1 in split.parts:
            return notices.media_request(self.link, split)
        missing = split.missing
        layout = ">HH" if split.head.is_2019 else ">HB"
        body = struct.pack(layout, split.first_serial, len(missing))
        body += struct.pack(f">{len(missing)}H", *missing)
        return self.link.send(split.head, RESEND, body)


FAMILY = Family(
    name="jt808",
    title="JT/T 808 (2011, 2013, 2019)",
    probe=probe,
    decoder=Jt808Decoder,
    # Terminals are set to a heartbeat of 30 to 60 s; asset trackers stretch it to save their
    # battery. Two minutes keeps both, and a dead link is noticed after six.
    heartbeat_s=120.0,
)
