//! A pack in CBOR (RFC 8428, 6): an array of maps with numbers for labels, of known or of unknown length.
//!
//! A number becomes decimal text and is never calculated with: an integer and a decimal fraction (tag 4) as they are, a single or
//! a double float as the shortest decimal that is that float, which is what its sender wrote (36.6, and not
//! 36.599998474121094), a half float as exactly the value that it is. Rounding comes behind that, and is that of JSON.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use minicbor::data::Tag;
use minicbor::decode::{Decoder, Error};

use super::super::PayloadError;
use super::record::{Label, Record, Said};

/// Ends an array or a map that did not say how long it is.
const BREAK: u8 = 0xFF;
/// "This is CBOR" (RFC 8949, 3.4.6): it may stand before the pack.
const SELF_DESCRIBED: Tag = Tag::new(55_799);

/// Whether a payload is meant to be CBOR: it begins with an array, a map or a tag, and no JSON with such a byte.
pub(super) fn is_meant(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x80..=0xDB))
}

/// The records of a pack.
pub(super) fn records(bytes: &[u8]) -> Result<Vec<Record<'_>>, PayloadError> {
    let mut decoder = Decoder::new(bytes);
    if matches!(bytes.first(), Some(0xC0..=0xDB)) && decoder.tag().map_err(refusal)? != SELF_DESCRIBED {
        return Err(PayloadError::NotAPack);
    }
    let mut left = decoder.array().map_err(refusal)?;
    let mut records = Vec::new();
    while is_more(&mut decoder, &mut left)? {
        records.push(record(&mut decoder)?);
    }
    if decoder.position() == bytes.len() { Ok(records) } else { Err(PayloadError::NotCbor) }
}

fn record<'a>(decoder: &mut Decoder<'a>) -> Result<Record<'a>, PayloadError> {
    let mut left = decoder.map().map_err(refusal)?;
    let mut record = Record::default();
    while is_more(decoder, &mut left)? {
        let label = match said(decoder)? {
            Said::Number(number) => number.parse().ok().and_then(Label::from_number),
            // What is in the table has a number; a name is an extension's.
            Said::Text(name) if name.ends_with('_') => return Err(PayloadError::NotAPack),
            Said::Text(_) => None,
            Said::Other => return Err(PayloadError::NotAPack),
        };
        let said = said(decoder)?;
        if let Some(label) = label {
            record.put(label, said)?;
        }
    }
    Ok(record)
}

/// Whether another entry follows in an array or a map of this length, or in one that ends with a mark.
fn is_more(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, PayloadError> {
    if let Some(left) = left {
        let is_more = *left > 0;
        *left = left.saturating_sub(1);
        return Ok(is_more);
    }
    let is_end = next(decoder).ok_or(PayloadError::NotCbor)? == BREAK;
    if is_end {
        decoder.set_position(decoder.position() + 1);
    }
    Ok(!is_end)
}

/// The next value.
fn said<'a>(decoder: &mut Decoder<'a>) -> Result<Said<'a>, PayloadError> {
    let at = decoder.position();
    let read = match next(decoder).ok_or(PayloadError::NotCbor)? {
        0x00..=0x1B => decoder.u64().map(|it| number(it.to_string())).ok(),
        0x20..=0x3B => decoder.int().map(|it| number(i128::from(it).to_string())).ok(),
        0x60..=0x7B => decoder.str().map(|it| Said::Text(Cow::Borrowed(it))).ok(),
        0xC4 => decimal_fraction(decoder).map(number).ok(),
        0xF9 => half(decoder).map(number),
        0xFA => decoder.f32().map(|it| number(it.to_string())).ok(),
        0xFB => decoder.f64().map(|it| number(it.to_string())).ok(),
        BREAK => return Err(PayloadError::NotCbor),
        _ => None,
    };
    if let Some(said) = read {
        return Ok(said);
    }
    decoder.set_position(at);
    decoder.skip().map_err(refusal)?;
    Ok(Said::Other)
}

fn next(decoder: &Decoder<'_>) -> Option<u8> {
    decoder.input().get(decoder.position()).copied()
}

fn number<'a>(text: String) -> Said<'a> {
    Said::Number(Cow::Owned(text))
}

/// A power of ten and how often it is taken, both integers (RFC 8949, 3.4.4).
fn decimal_fraction(decoder: &mut Decoder<'_>) -> Result<String, Error> {
    decoder.tag()?;
    if decoder.array()? != Some(2) {
        return Err(Error::message("two integers"));
    }
    let (power, times) = (i128::from(decoder.int()?), i128::from(decoder.int()?));
    Ok(alloc::format!("{times}e{power}"))
}

/// A half float: a sign, an exponent of five bits, a fraction of ten. `None` for infinities, NaN and the end of the input.
fn half(decoder: &mut Decoder<'_>) -> Option<String> {
    let at = decoder.position();
    let &[_, high, low] = decoder.input().get(at..at.checked_add(3)?)? else { return None };
    decoder.set_position(at + 3);
    let bits = u16::from_be_bytes([high, low]);
    let sign = if bits & 0x8000 == 0 { "" } else { "-" };
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1F), u64::from(bits & 0x3FF));
    let mantissa = match exponent {
        0x1F => return None,
        0 => fraction,
        _ => fraction + 0x400,
    };
    // mantissa × 2^-n is mantissa × 5^n × 10^-n: at most 2^11 × 5^24, below 2^67.
    Some(match 25_u32.checked_sub(exponent.max(1)) {
        Some(places) => alloc::format!("{sign}{}e-{places}", u128::from(mantissa) * 5_u128.pow(places)),
        None => alloc::format!("{sign}{}", mantissa << (exponent - 25)),
    })
}

/// What is well written and stands where it should not is no pack, and all else no CBOR.
#[expect(clippy::needless_pass_by_value, reason = "it stands where errors are mapped")]
fn refusal(error: Error) -> PayloadError {
    if error.is_type_mismatch() { PayloadError::NotAPack } else { PayloadError::NotCbor }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Quantity;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.split_whitespace().map(|it| u8::from_str_radix(it, 16).unwrap()).collect()
    }

    /// The text of each record's field.
    fn told(records: &[Record<'_>], label: Label) -> Vec<String> {
        let text =
            |it: &Record<'_>| it.get(label).and_then(|it| it.number().or(it.text())).unwrap_or("").into();
        records.iter().map(text).collect()
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 8428, 6.
        let pack = bytes(
            "87 a7 21 78 1b 75 72 6e 3a 64 65 76 3a 6f 77 3a 31 30 65 32 30 37 33 61 30 31 30 38 30 30 36
             3a 22 fb 41 d3 03 a1 5b 00 10 62 23 61 41 20 05 00 67 76 6f 6c 74 61 67 65 01 61 56 02 fb 40 5e
             06 66 66 66 66 66 a3 00 67 63 75 72 72 65 6e 74 06 24 02 fb 3f f3 33 33 33 33 33 33 a3 00 67 63
             75 72 72 65 6e 74 06 23 02 fb 3f f4 cc cc cc cc cc cd a3 00 67 63 75 72 72 65 6e 74 06 22 02 fb
             3f f6 66 66 66 66 66 66 a3 00 67 63 75 72 72 65 6e 74 06 21 02 f9 3e 00 a3 00 67 63 75 72 72 65
             6e 74 06 20 02 fb 3f f9 99 99 99 99 99 9a a3 00 67 63 75 72 72 65 6e 74 06 00 02 fb 3f fb 33 33
             33 33 33 33",
        );
        let records = records(&pack).unwrap();
        assert_eq!(told(&records, Label::BaseName)[0], "urn:dev:ow:10e2073a0108006:");
        assert_eq!(told(&records, Label::BaseTime)[0], "1276020076.001");
        assert_eq!(told(&records, Label::BaseUnit)[0], "A");
        assert_eq!(told(&records, Label::Version)[0], "5");
        assert_eq!(told(&records, Label::Name)[..2], ["voltage", "current"]);
        assert_eq!(told(&records, Label::Unit)[0], "V");
        assert_eq!(told(&records, Label::Time)[1..], ["-5", "-4", "-3", "-2", "-1", "0"]);
        // The half float comes with all its digits.
        let values: Vec<_> =
            told(&records, Label::Value).iter().map(|it| Quantity::parse(it).unwrap()).collect();
        assert_eq!(alloc::format!("{values:?}"), "[120.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]");
    }

    /// The value of the one field of the one record.
    fn value(hex: &str) -> Result<Said<'static>, PayloadError> {
        let pack = bytes(&alloc::format!("81 a1 02 {hex}"));
        let records = records(&pack)?;
        Ok(match records[0].get(Label::Value).unwrap() {
            Said::Number(it) => Said::Number(Cow::Owned(it.to_string())),
            Said::Text(it) => Said::Text(Cow::Owned(it.to_string())),
            Said::Other => Said::Other,
        })
    }

    #[test]
    fn every_number_is_a_decimal() {
        for (hex, thousandths) in [
            ("18 61", 97_000),
            ("38 18", -25_000),
            ("1a 00 1f ff ff", 2_097_151_000),
            ("f9 56 10", 97_000),
            ("f9 50 93", 36_594),
            ("f9 d0 93", -36_594),
            ("f9 80 00", 0),
            ("f9 00 01", 0),
            ("f9 14 00", 1),
            ("f9 7b ff", 65_504_000),
            ("fa 42 12 66 66", 36_600),
            ("fa 80 00 00 01", 0),
            ("fb 40 42 4c cc cc cc cc cd", 36_600),
            ("fb 40 58 2a 3d 70 a3 d7 0a", 96_660),
            // 1.0005, which as a float is a little less.
            ("fb 3f f0 02 0c 49 ba 5e 35", 1_001),
            ("c4 82 21 19 0e 4c", 36_600),
            ("c4 82 20 39 01 6d", -36_600),
            ("c4 82 01 09", 90_000),
            ("c4 82 3b ff ff ff ff ff ff ff ff 01", 0),
        ] {
            let Ok(Said::Number(number)) = value(hex) else { panic!("{hex} is no number") };
            let quantity = Quantity::parse(&number);
            assert_eq!(quantity.map(Quantity::thousandths), Ok(thousandths), "{hex} {number}");
        }
        for (hex, text) in [("fa 7f 80 00 00", "inf"), ("fb 7f f8 00 00 00 00 00 00", "NaN")] {
            assert_eq!(value(hex), Ok(number(text.into())), "{hex}");
            assert!(Quantity::parse(text).is_err(), "{hex}");
        }
        // Infinity, null, bytes, a bignum, a bigfloat, a list, fractions of three parts, of text and without a length.
        for hex in [
            "f9 7c 00",
            "f6",
            "41 00",
            "c2 41 61",
            "c5 82 20 03",
            "82 01 02",
            "c4 83 21 01 01",
            "c4 82 21 61 61",
        ] {
            assert_eq!(value(hex), Ok(Said::Other), "{hex}");
        }
        assert_eq!(value("c4 9f 21 01 ff"), Ok(Said::Other));
    }

    #[test]
    fn lengths_may_be_unknown_and_what_nobody_needs_is_passed_over() {
        for hex in [
            "81 a2 02 18 61 00 61 61",
            "9f bf 00 61 61 02 18 61 ff ff",
            "d9 d9 f7 81 a2 00 61 61 02 18 61",
            // A sum, an extension, a number that is no label, a list in a list.
            "81 a6 00 61 61 02 18 61 05 03 61 78 f6 18 63 01 39 ff ff 9f 9f ff a0 ff",
        ] {
            let pack = bytes(hex);
            let records = records(&pack).unwrap();
            assert_eq!(
                (&*told(&records, Label::Name)[0], &*told(&records, Label::Value)[0]),
                ("a", "97"),
                "{hex}"
            );
        }
    }

    #[test]
    fn what_is_no_pack_is_refused() {
        for (hex, why) in [
            ("a1 02 01", PayloadError::NotAPack),
            ("81 01", PayloadError::NotAPack),
            ("c1 81 a0", PayloadError::NotAPack),
            ("81 a1 02 01 00", PayloadError::NotCbor),
            ("81 a1 02", PayloadError::NotCbor),
            ("82 a1 02 01", PayloadError::NotCbor),
            ("9b ff ff ff ff ff ff ff ff", PayloadError::NotCbor),
            ("9f a1 02 01", PayloadError::NotCbor),
            ("81 a1 02 ff", PayloadError::NotCbor),
            ("81 a1 02 62 61", PayloadError::NotCbor),
            ("81 a1 02 62 c3 28", PayloadError::NotCbor),
            // A label twice, one that must be understood, and one that is neither a number nor a text.
            ("81 a2 02 01 02 02", PayloadError::NotAPack),
            ("81 a1 62 78 5f 01", PayloadError::NotAPack),
            ("81 a1 f6 01", PayloadError::NotAPack),
        ] {
            assert_eq!(records(&bytes(hex)), Err(why), "{hex}");
        }
        let deep = [&[0x81, 0xA1, 0x02][..], &alloc::vec![0x81; 100_000]].concat();
        assert_eq!(records(&deep), Err(PayloadError::NotCbor));
    }
}
