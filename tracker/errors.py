"""The one error tree.

    TrackerError                      code 500  internal
    ├── ConfigError                   a setting is wrong; names the key and the value
    ├── StartError                    a part cannot start: port taken, folder not writable
    ├── DecodeError                   a device's bytes are not a frame; names kind and bytes
    ├── CommandError                  422       the device's protocol cannot carry this command
    ├── StoreError                    503       the store cannot be read or written now
    │   └── StoreDamagedError         503       the store's file is damaged
    ├── BusError                      503       the bus between nodes is away
    └── RequestError                  400       what a client sent cannot be understood
        ├── UnauthorizedError         401
        ├── ForbiddenError            403
        ├── NotFoundError             404
        ├── ConflictError             409
        │   ├── ConfirmationError     409       a dangerous command without its confirmation
        │   ├── TooFastError          409       the vehicle is too fast for this command
        │   └── UnknownSpeedError     409       it may be too fast: nobody knows
        └── TooManyError              429

Each class carries the HTTP status and the short code that a client sees; each instance keeps the
value that offended.
"""

from __future__ import annotations


class TrackerError(Exception):
    """Root of everything that this project raises on purpose."""

    status = 500
    code = "internal"

    def __init__(self, message: str, *, value: object = None) -> None:
        super().__init__(message)
        self.message = message
        self.value = value


class ConfigError(TrackerError):
    """A setting is wrong. `value` is the offending value."""

    code = "config"


class StartError(TrackerError):
    """A part cannot start; the message is one line for an operator."""

    code = "start"


class DecodeError(TrackerError):
    """A device's bytes are not a frame that its protocol allows.

    `kind` is a short stable word for metrics (`checksum`, `length`, `field`, `garbage`, …), `value`
    the offending bytes, at most `KEPT_BYTES` of them.
    """

    status = 400
    code = "decode"
    KEPT_BYTES = 64  # enough to recognise a frame in a log line, too few to flood one

    def __init__(self, kind: str, message: str, value: bytes = b"") -> None:
        super().__init__(message, value=bytes(value[: self.KEPT_BYTES]))
        self.kind = kind


class CommandError(TrackerError):
    """The device's protocol cannot carry this command."""

    status = 422
    code = "command"


class StoreError(TrackerError):
    """The store cannot be read or written now."""

    status = 503
    code = "store"


class StoreDamagedError(StoreError):
    """The store's file is damaged; the message names the file and what to do."""

    code = "store_damaged"


class BusError(TrackerError):
    """The bus between nodes is away."""

    status = 503
    code = "bus"


class RequestError(TrackerError):
    """What a client sent cannot be understood."""

    status = 400
    code = "bad_request"


class UnauthorizedError(RequestError):
    """No credentials, or wrong ones."""

    status = 401
    code = "unauthorized"


class ForbiddenError(RequestError):
    """Known, but not allowed."""

    status = 403
    code = "forbidden"


class NotFoundError(RequestError):
    """There is no such thing."""

    status = 404
    code = "not_found"


class ConflictError(RequestError):
    """It would contradict what is there."""

    status = 409
    code = "conflict"


class ConfirmationError(ConflictError):
    """A dangerous command without its confirmation; the message says what to send."""

    code = "confirmation_required"


class TooFastError(ConflictError):
    """The vehicle is too fast for this command. `value` is the speed in km/h."""

    code = "too_fast"


class UnknownSpeedError(ConflictError):
    """Whether the vehicle is too fast for this command is not known; the message says why."""

    code = "speed_unknown"


class TooManyError(RequestError):
    """A limit is reached; try again later."""

    status = 429
    code = "too_many"
