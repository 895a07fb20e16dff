//! A measured amount, in thousandths of its vital's unit: total order, no NaN, no rounding surprises.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// Thousandths of a vital's unit, within ±2,147,483.647.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i32);

/// Why a text is not a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseQuantityError {
    /// It is not a decimal number in JSON's grammar (NaN and Infinity are not).
    #[error("not a decimal number")]
    NotANumber,
    /// It does not fit: the bound is ±2,147,483.647.
    #[error("too large for a quantity")]
    OutOfRange,
}

impl Quantity {
    /// Nothing at all.
    pub const ZERO: Self = Self(0);

    /// An amount, in thousandths.
    #[must_use]
    pub const fn from_thousandths(thousandths: i32) -> Self {
        Self(thousandths)
    }

    /// A whole amount.
    #[must_use]
    pub const fn from_whole(whole: i16) -> Self {
        // Cannot overflow: |i16| × 1000 is below 2^25.
        #[expect(clippy::as_conversions, reason = "From is not const")]
        Self(whole as i32 * 1000)
    }

    /// The amount, in thousandths.
    #[must_use]
    pub const fn thousandths(self) -> i32 {
        self.0
    }

    /// The sum, stopping at the bounds.
    #[must_use]
    pub const fn saturating_add(self, rhs: Self) -> Self {
        Self(self.0.saturating_add(rhs.0))
    }

    /// The difference, stopping at the bounds.
    #[must_use]
    pub const fn saturating_sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }

    /// Reads a decimal number as JSON writes it (`-12.5`, `9.7e1`), rounding halves away from zero to thousandths.
    ///
    /// The text is never turned into a binary float, so `96.65` is 96,650 thousandths and not almost.
    pub fn parse(text: &str) -> Result<Self, ParseQuantityError> {
        i32::try_from(scaled(text, 3)?).map(Self).map_err(|_| ParseQuantityError::OutOfRange)
    }
}

/// A decimal number as JSON writes it, in units of the last of so many places, halves away from zero.
pub(crate) fn scaled(text: &str, places: i64) -> Result<i64, ParseQuantityError> {
    let decimal = Decimal::parse(text).ok_or(ParseQuantityError::NotANumber)?;
    decimal.scaled(places).ok_or(ParseQuantityError::OutOfRange)
}

/// A decimal number as digits and the power of ten of its last digit.
struct Decimal {
    negative: bool,
    digits: i64,
    exponent: i64,
}

impl Decimal {
    /// More digits than this add nothing: a quantity's bound has ten, the microseconds of our years sixteen.
    const DIGITS_MAX: u32 = 17;

    fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (mantissa, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut it = Self { negative, digits: 0, exponent };
        let mut count = 0;
        for (index, byte) in whole.bytes().chain(fraction.bytes()).enumerate() {
            let in_fraction = index >= whole.len();
            if count < Self::DIGITS_MAX {
                it.digits = it.digits * 10 + i64::from(byte - b'0');
                count += u32::from(it.digits != 0);
                it.exponent = it.exponent.saturating_sub(i64::from(in_fraction));
            } else {
                it.exponent = it.exponent.saturating_add(i64::from(!in_fraction));
            }
        }
        Some(it)
    }

    fn scaled(&self, places: i64) -> Option<i64> {
        let mut value = self.digits;
        let mut power = self.exponent.saturating_add(places);
        while power > 0 && value != 0 {
            value = value.checked_mul(10)?;
            power -= 1;
        }
        if power < 0 {
            // A divisor beyond i64 leaves nothing but zero.
            let divisor = u32::try_from(power.unsigned_abs()).ok().and_then(|p| 10_i64.checked_pow(p));
            value = divisor.map_or(0, |divisor| {
                value / divisor + i64::from(value % divisor >= divisor - value % divisor && value != 0)
            });
        }
        Some(if self.negative { -value } else { value })
    }
}

/// The exponent after `e`; one too long for an i64 is as good as the bound.
fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let bound = if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 };
    Some(text.parse::<i64>().map_or(bound, |it| it.clamp(i64::MIN / 2, i64::MAX / 2)))
}

impl fmt::Display for Quantity {
    /// The shortest decimal: `80`, `96.65`, `-0.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / 1000, self.0.unsigned_abs() % 1000);
        match part {
            0 => write!(f, "{sign}{whole}"),
            part if part % 100 == 0 => write!(f, "{sign}{whole}.{}", part / 100),
            part if part % 10 == 0 => write!(f, "{sign}{whole}.{:02}", part / 10),
            part => write!(f, "{sign}{whole}.{part:03}"),
        }
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Quantity {
    #[expect(
        clippy::float_arithmetic,
        reason = "JSON has only doubles; the nearest one prints as the same decimal"
    )]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1000 == 0 {
            serializer.serialize_i32(self.0 / 1000)
        } else {
            serializer.serialize_f64(f64::from(self.0) / 1000.0)
        }
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Records are read back through the number's own text; a double prints as the shortest decimal.
        let number = serde_json::Number::deserialize(deserializer)?;
        let text: String = alloc::string::ToString::to_string(&number);
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn reads_decimals_exactly() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("97", Some(97_000)),
            ("96.65", Some(96_650)),
            ("0.0005", Some(1)),
            ("0.00049", Some(0)),
            ("-0.0005", Some(-1)),
            ("9.7e1", Some(97_000)),
            ("970E-1", Some(97_000)),
            ("1e-400", Some(0)),
            ("0e999999999999999999999", Some(0)),
            ("2147483.647", Some(i32::MAX)),
            ("36.600000000000000000000001", Some(36_600)),
            ("100000000000000000000e-18", Some(100_000)),
        ] {
            assert_eq!(Quantity::parse(text).ok().map(Quantity::thousandths), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_number_or_too_large() {
        for text in
            ["", "-", ".", ".5", "5.", "NaN", "Infinity", "1e", "1e+", "0x10", "1,5", "９", "--1", "1 "]
        {
            assert_eq!(Quantity::parse(text), Err(ParseQuantityError::NotANumber), "{text}");
        }
        for text in ["1e999", "2147483.648", "-99999999", "1e99999999999999999999"] {
            assert_eq!(Quantity::parse(text), Err(ParseQuantityError::OutOfRange), "{text}");
        }
    }

    proptest! {
        #[test]
        fn display_parse_and_json_agree(thousandths: i32) {
            let quantity = Quantity::from_thousandths(thousandths);
            prop_assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
            let json = serde_json::to_string(&quantity).unwrap();
            prop_assert_eq!(&json, &quantity.to_string());
            prop_assert_eq!(serde_json::from_str::<Quantity>(&json).unwrap(), quantity);
        }

        #[test]
        fn never_panics(text in "[-+.eE0-9]{0,40}") {
            let _ = Quantity::parse(&text);
        }
    }
}
