//! What a simulated patient's devices say: the few messages and frames the tests need, written from the documents.

use wardline_agent::clock;

/// An adult, on every device that the tests have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patient {
    /// No limit is passed.
    Stable,
    /// SpO₂ 82 %: below the limit, not below the extreme.
    Desaturated,
}

impl Patient {
    /// SpO₂, %.
    #[must_use]
    pub const fn spo2(self) -> u8 {
        match self {
            Self::Stable => 97,
            Self::Desaturated => 82,
        }
    }

    /// A message in the `wardline` format, of now, with the device's number.
    #[must_use]
    pub fn payload(self, seq: u64) -> String {
        let (now, heart_rate, spo2) = (clock::timestamp(), 70 + seq % 5, self.spo2());
        format!(
            r#"{{"time":"{now}","seq":{seq},"heart_rate":{heart_rate},"spo2":{spo2},"resp_rate":16,"nibp_systolic":120,"nibp_diastolic":80,"temperature":36.6}}"#
        )
    }

    /// A packet of a Nonin oximeter in data format 8: sent once a second, HR 72.
    #[must_use]
    pub const fn nonin_df8(self) -> [u8; 4] {
        [0x80, 72, self.spo2(), 0]
    }
}
