//! FLOAT of IEEE 11073: a signed exponent of eight bits and a signed mantissa of 24, to thousandths without any float.

use crate::quantity::Quantity;

/// The amount, in thousandths, halves away from zero; `None` for NaN, NRes, infinities and what does not fit.
pub(super) fn quantity(bits: u32) -> Option<Quantity> {
    let [exponent, high, middle, low] = bits.to_be_bytes();
    let exponent = i32::from(i8::from_be_bytes([exponent]));
    let fill = if high & 0x80 == 0 { 0 } else { 0xFF };
    let mantissa = i64::from(i32::from_be_bytes([fill, high, middle, low]));
    // +INF, NaN, NRes, one reserved, -INF.
    if mantissa >= 0x7F_FFFE || mantissa <= -0x7F_FFFE {
        return None;
    }
    let power = exponent + 3;
    let factor = u32::try_from(power.abs()).ok().and_then(|it| 10_i64.checked_pow(it));
    let thousandths = match (factor, power >= 0) {
        _ if mantissa == 0 => 0,
        (Some(factor), true) => mantissa.checked_mul(factor)?,
        (None, true) => return None,
        (Some(factor), false) => {
            let half = if mantissa < 0 { -factor / 2 } else { factor / 2 };
            (mantissa + half) / factor
        }
        // A divisor beyond i64 leaves nothing.
        (None, false) => 0,
    };
    i32::try_from(thousandths).ok().map(Quantity::from_thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_values_of_the_standard() {
        for (bits, expected) in [
            (0xFD00_7D00, Some("32")),
            (0xFF00_0140, Some("32")),
            (0xFEFE_7960, Some("-1000")),
            (0xFF00_0170, Some("36.8")),
            (0xFFFF_FFFB, Some("-0.5")),
            (0x0000_0061, Some("97")),
            (0xFF00_02D0, Some("72")),
            (0xFC00_0005, Some("0.001")),
            (0xFCFF_FFFB, Some("-0.001")),
            (0x8000_0001, Some("0")),
            (0x7F00_0000, Some("0")),
            (0x007F_FFFF, None),
            (0x0080_0000, None),
            (0x007F_FFFE, None),
            (0x0080_0002, None),
            (0x7F00_0001, None),
            (0x0600_0064, None),
        ] {
            assert_eq!(quantity(bits).map(|it| it.to_string()).as_deref(), expected, "{bits:08X}");
        }
    }
}
