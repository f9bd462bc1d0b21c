from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from fillwright.wire.codec import Message, WireError, decode, encode, moment


class Sample(Message, frozen=True, kw_only=True):
    order_id: int
    stop_price: Decimal | None = None
    quantity: Decimal = msgspec.field(name="qty")
    inner: tuple[Sample, ...] | None = None
    asset: str | None


DECODER = msgspec.json.Decoder(Sample)


def read(text: str) -> Sample:
    return decode(DECODER, text.encode(), "a sample")


@pytest.mark.parametrize("text", ["0.00000000", "0", "0.10", "123456789012.00000001", "-250.00000000"])
def test_numbers_keep_their_digits(text: str) -> None:
    body = f'{{"orderId":1,"qty":"{text}","asset":null}}'
    sample = read(body)
    assert sample.quantity == Decimal(text)
    assert encode(sample) == body.encode()


def test_numbers_are_read_from_json_numbers_exactly_and_written_as_text() -> None:
    sample = read('{"orderId":1,"qty":0.10000000000000000001,"stopPrice":1e-8,"asset":"X"}')
    assert sample.quantity == Decimal("0.10000000000000000001")
    assert encode(sample) == (
        b'{"orderId":1,"stopPrice":"0.00000001","qty":"0.10000000000000000001","asset":"X"}'
    )


def test_absent_fields_stay_absent_and_unknown_ones_are_passed_over() -> None:
    inner = '{"orderId":2,"qty":"1.0","asset":null}'
    sample = read(f'{{"orderId":1,"qty":"1","inner":[{inner}],"asset":"BTC","news":{{"deep":[1]}}}}')
    assert sample.stop_price is None
    assert encode(sample) == f'{{"orderId":1,"qty":"1","inner":[{inner}],"asset":"BTC"}}'.encode()
    assert encode([sample, sample]).startswith(b'[{"orderId":1,')


def test_names_differ_by_case() -> None:
    with pytest.raises(WireError, match="missing required field `orderId`"):
        read('{"orderid":1,"qty":"1","asset":null}')


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ('"NaN"', "quantity is not a plain number: NaN"),
        ('"Infinity"', "quantity is not a plain number: Infinity"),
        ('"1e400"', "quantity is not a plain number"),
        ("1e400", "quantity is not a plain number"),
        ('"1e-400"', "quantity is not a plain number"),
        ('"0e-400"', "quantity is not a plain number"),
        ('"1' + "0" * 30 + '"', "quantity is not a plain number"),
        ('"1e99999999999999999999999"', "Invalid decimal string"),
        ('"ten"', "Invalid decimal string"),
        ('""', "Invalid decimal string"),
        ("true", "Expected `decimal`"),
        ("null", "Expected `decimal`"),
        ("[]", "Expected `decimal`"),
    ],
)
def test_what_is_no_number_is_refused(number: str, why: str) -> None:
    with pytest.raises(WireError, match=f"^not a sample: {why}"):
        read(f'{{"orderId":1,"qty":{number},"asset":null}}')


def test_the_largest_and_smallest_numbers_are_read() -> None:
    large, small = "9" * 30, "0." + "0" * 29 + "1"
    assert read(f'{{"orderId":1,"qty":"{large}","asset":null}}').quantity == Decimal(large)
    assert read(f'{{"orderId":1,"qty":"{small}","asset":null}}').quantity == Decimal(small)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>410 Gone</body></html>",
        b'{"orderId":1,"qty":"1"',
        b'{"orderId":1,"qty":"1","asset":"\xff"}',
        b'{"orderId":"1","qty":"1","asset":null}',
        b'{"orderId":1.5,"qty":"1","asset":null}',
        b"[]",
        b"null",
        b'{"orderId":1,"qty":"1","asset":null,"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_malformed_bodies_are_named_and_never_shown(body: bytes) -> None:
    with pytest.raises(WireError, match=r"^not a sample: ") as caught:
        decode(DECODER, body, "a sample")
    assert len(str(caught.value)) < 200
    assert "html" not in str(caught.value)


def test_times_are_told_apart_by_size() -> None:
    assert moment(1_795_168_800_123) == 1_795_168_800_123_000
    assert moment(1_795_168_800_123_456) == 1_795_168_800_123_456
