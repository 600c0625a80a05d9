"""Who was not understood: what is one entry, what makes room, what is guessed."""

from __future__ import annotations

from tracker.devices.strangers import (
    MOST,
    MOST_OF_ADDRESS,
    PREFIX_BYTES,
    SAMPLE_BYTES,
    Strangers,
    Why,
)

T0 = 1_740_000_000.0


def meet(strangers: Strangers, sample: bytes, now: float = 0.0, **more: object) -> bool:
    said = {"transport": "tcp", "address": "192.0.2.1", "port": 9501, "why": Why.UNKNOWN} | more
    why = said.pop("why")
    return strangers.meet(sample, why, now=T0 + now, **said)  # type: ignore[arg-type]


def test_what_begins_alike_is_counted_together() -> None:
    strangers = Strangers()
    assert meet(strangers, b"HELLO 01 first")
    assert not meet(strangers, b"HELLO 01 second", 5.0, address="192.0.2.2")
    (kept,) = strangers
    assert (kept.count, kept.first_time, kept.last_time) == (2, T0, T0 + 5)
    assert (kept.sample, kept.address) == (b"HELLO 01 second", "192.0.2.2")
    assert len(b"HELLO 01") == PREFIX_BYTES


def test_what_differs_is_not() -> None:
    strangers = Strangers()
    sample = b"HELLO 01"
    assert meet(strangers, sample)
    assert meet(strangers, b"HELLO 02")
    assert meet(strangers, sample, transport="udp")
    assert meet(strangers, sample, port=5023)
    assert meet(strangers, sample, why=Why.UNDECIDED)
    assert meet(strangers, sample, why=Why.NOT_ALLOWED, protocol="gt06")
    assert meet(strangers, sample[:4])
    assert len(strangers) == 7
    assert not meet(strangers, sample[:4])


def test_few_bytes_of_few_are_kept_and_the_one_seen_longest_ago_makes_room() -> None:
    strangers = Strangers()
    for number in range(MOST):
        meet(strangers, b"%08d" % number + bytes(10_000), number, address=f"192.0.2.{number}")
    meet(strangers, b"%08d" % 0, MOST, address="192.0.2.0")  # seen again
    meet(strangers, b"something else", MOST + 1, address="198.51.100.1")
    assert len(strangers) == MOST
    assert strangers.forgotten == 1
    samples = [one.sample[:8] for one in strangers]
    assert samples[0] == b"00000002"
    assert samples[-2:] == [b"00000000", b"somethin"]
    assert max(len(one.sample) for one in strangers) == SAMPLE_BYTES


def test_one_address_cannot_push_out_the_others() -> None:
    strangers = Strangers()
    meet(strangers, b"of somebody else", address="198.51.100.1")
    for number in range(10 * MOST):
        meet(strangers, b"%08d" % number, number)
    assert len(strangers) == 1 + MOST_OF_ADDRESS
    assert next(iter(strangers)).sample == b"of somebody else"


def test_clear() -> None:
    strangers = Strangers()
    meet(strangers, b"one")
    meet(strangers, b"two")
    assert strangers.clear() == 2
    assert (len(strangers), strangers.clear()) == (0, 0)
    assert meet(strangers, b"one")


def test_a_guess_comes_with_it() -> None:
    strangers = Strangers()
    meet(strangers, b"SSH-2.0-x")
    assert next(iter(strangers)).guess.mark == "SSH"


def test_the_random_part_of_a_tls_hello_does_not_make_it_another() -> None:
    strangers = Strangers()
    hello = bytes.fromhex("1603010200010001fc0303")
    assert meet(strangers, hello + b"\x01" * 32)
    assert not meet(strangers, hello + b"\x02" * 32)
