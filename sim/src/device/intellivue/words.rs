//! The words of the protocol, big-endian: lists that tell their count and length, attributes, texts, FLOAT, times.

/// No number: the mantissa that IEEE 11073 keeps for it.
pub(super) const NAN: [u8; 4] = [0, 0x7F, 0xFF, 0xFF];

/// Entries behind their count and their length in bytes.
pub(super) fn list(entries: &[Vec<u8>]) -> Vec<u8> {
    let bytes = entries.concat();
    let mut list = size(entries.len()).to_vec();
    list.extend(size(bytes.len()));
    list.extend(bytes);
    list
}

/// What stands behind a length.
pub(super) fn measured(bytes: &[u8]) -> Vec<u8> {
    let mut measured = size(bytes.len()).to_vec();
    measured.extend(bytes);
    measured
}

/// An attribute (AVA): id, length, value.
pub(super) fn attribute(id: u16, value: &[u8]) -> Vec<u8> {
    let mut attribute = id.to_be_bytes().to_vec();
    attribute.extend(measured(value));
    attribute
}

/// A text of single bytes, ended by 0 and filled up to an even length.
pub(super) fn label(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    measured(&bytes)
}

/// A text of two bytes a character, ended by 0.
pub(super) fn string(text: &str) -> Vec<u8> {
    let units = text.encode_utf16().chain([0]);
    measured(&units.flat_map(u16::to_be_bytes).collect::<Vec<_>>())
}

/// Steps of 10^-`decimals` as FLOAT: exponent of 8 bits, mantissa of 24.
pub(super) fn float(steps: i32, decimals: u8) -> [u8; 4] {
    let [_, high, middle, low] = steps.to_be_bytes();
    [decimals.wrapping_neg(), high, middle, low]
}

/// A moment in BCD, from the century to the hundredth, and the same in words: local time without a zone.
pub(super) fn absolute_time(clock: i64) -> ([u8; 8], String) {
    let at = jiff::Timestamp::from_second(clock).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let local = jiff::tz::TimeZone::UTC.to_datetime(at);
    let bcd = |number: i16| {
        let number = u8::try_from(number.clamp(0, 99)).unwrap_or(0);
        number / 10 * 16 + number % 10
    };
    let year = local.year();
    let [month, day, hour, minute, second] =
        [local.month(), local.day(), local.hour(), local.minute(), local.second()].map(i16::from);
    (
        [bcd(year / 100), bcd(year % 100), bcd(month), bcd(day), bcd(hour), bcd(minute), bcd(second), 0],
        local.to_string(),
    )
}

fn size(count: usize) -> [u8; 2] {
    u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes()
}

/// Reads what a host has written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// What stands behind a length.
    pub(super) fn measured(&mut self) -> Option<Self> {
        let length = self.u16()?;
        Some(Self(self.take(usize::from(length))?))
    }

    /// The value of an attribute in the list that comes next.
    pub(super) fn attribute_of_list(&mut self, wanted: u16) -> Option<Self> {
        let count = self.u16()?;
        let mut list = self.measured()?;
        let mut found = None;
        for _ in 0..count {
            let (id, value) = (list.u16()?, list.measured()?);
            if id == wanted {
                found = Some(value);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_documents_examples() {
        assert_eq!(float(32, 0), [0, 0, 0, 0x20]);
        assert_eq!(float(320, 1), [0xFF, 0, 1, 0x40]);
        assert_eq!(float(368, 1), [0xFF, 0, 1, 0x70]);
        assert_eq!(float(-5, 1), [0xFF, 0xFF, 0xFF, 0xFB]);
        assert_eq!(float(-100_000, 2), [0xFE, 0xFE, 0x79, 0x60]);
    }

    #[test]
    fn times_and_texts_are_those_of_logged_messages() {
        // 2018-08-02T14:30:20
        let (bytes, words) = absolute_time(1_533_220_220);
        assert_eq!(bytes, [0x20, 0x18, 0x08, 0x02, 0x14, 0x30, 0x20, 0]);
        assert_eq!(words, "2018-08-02T14:30:20");
        assert_eq!(label("Philips"), [0, 8, 0x50, 0x68, 0x69, 0x6C, 0x69, 0x70, 0x73, 0]);
        assert_eq!(label("866062"), [0, 8, 0x38, 0x36, 0x36, 0x30, 0x36, 0x32, 0, 0]);
        assert_eq!(string("HR"), [0, 6, 0, 0x48, 0, 0x52, 0, 0]);
    }

    #[test]
    fn a_list_that_is_cut_off_holds_nothing() {
        let whole = list(&[attribute(1, &[7, 7]), attribute(2, &[8])]);
        for length in 0..whole.len() {
            assert!(Reader(&whole[..length]).attribute_of_list(2).is_none(), "{length}");
        }
        assert_eq!(Reader(&whole).attribute_of_list(2).unwrap().0, [8]);
        assert!(Reader(&whole).attribute_of_list(3).is_none());
    }
}
