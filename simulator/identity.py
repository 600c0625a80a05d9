"""The identities of simulated devices: deterministic, well-formed, one per vehicle number.

Vehicle n of a protocol has the same identity in every run, whatever the seed, so that runs against
one server report for the same vehicles instead of filling its store with new ones.
"""

from __future__ import annotations

from simulator.errors import UsageError

# A type allocation code of the simulator's own making. It does not begin with 0: devices and
# servers disagree on whether leading zeros belong to an identity.
IMEI_TYPE_CODE = "35909900"
IMEI_SERIALS = 1_000_000  # what the six digits between type code and check digit can hold

PHONE_PREFIX = "0199"  # 12 digits, left-padded with 0 as JT/T 808 asks; 199 is a mobile range
PHONE_SERIALS = 100_000_000


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` plus itself pass the Luhn test (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def imei(number: int) -> str:
    """The 15-digit IMEI of vehicle `number`, with a right check digit."""
    if not 0 <= number < IMEI_SERIALS:
        raise UsageError(f"vehicle number {number} has no IMEI: 0 to {IMEI_SERIALS - 1} have")
    body = f"{IMEI_TYPE_CODE}{number:06d}"
    return body + luhn_digit(body)


def phone(number: int, digits: int = 12) -> str:
    """The terminal phone number of vehicle `number`: 12 digits, or left-padded to 20 (2019)."""
    if not 0 <= number < PHONE_SERIALS:
        raise UsageError(f"vehicle number {number} has no phone number")
    return f"{PHONE_PREFIX}{number:08d}".rjust(digits, "0")


def same_ident(ident: str) -> str:
    """A form in which two spellings of one identity are equal: without leading zeros."""
    return ident.lstrip("0") or "0"
