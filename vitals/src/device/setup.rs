//! What configures a device: its data format, its clock. A person sends these, by a command of their own; no driver can.
//!
//! Documents: Nonin "9560 OEM Specification and Technical Information" (selecting the data format; setting and retrieving the
//! time), with the longer form of the 3150; Contec "Communication protocol of pulse oximeter V7.0", table 7 with its notes 4
//! to 7 (synchronize device date B2 and time B1).
//!
//! ```text
//! Nonin   02 70 02 02 ff 03             data format ff; answered with 06 (taken) or 15 (not supported)
//! Nonin   02 72 06 YY MM DD hh mm ss 03 the time, each byte a plain number; not answered
//!         02 72 00 03                   what time is it? answered with 02 F2 06 YY MM DD hh mm ss 03
//! Contec  7D high  B2 century year month day weekday, then B1 hour minute second; answered with 0B, command, reason (0: done)
//! ```

mod answer;

use alloc::vec::Vec;

use jiff::civil::DateTime;

pub use answer::{AnswerFinder, Verdict};

/// A Nonin data format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoninFormat {
    /// 8-bit pleth.
    Df2,
    /// 16-bit pleth.
    Df7,
    /// Numbers only.
    Df8,
    /// Spot checks with their time.
    Df13,
}

impl NoninFormat {
    /// The format of that number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            2 => Self::Df2,
            7 => Self::Df7,
            8 => Self::Df8,
            13 => Self::Df13,
            _ => return None,
        })
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Df2 => 2,
            Self::Df7 => 7,
            Self::Df8 => 8,
            Self::Df13 => 13,
        }
    }
}

/// One thing that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The data format of a 9560, which keeps it.
    Nonin9560Format(NoninFormat),
    /// The data format of a 3150.
    Nonin3150Format(NoninFormat),
    /// The clock of a 9560.
    NoninClock(DateTime),
    /// The clock of a Contec.
    ContecClock(DateTime),
}

/// A message, and what the device answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is sent.
    pub message: Vec<u8>,
    /// What it means, in words.
    pub meaning: &'static str,
    /// What is waited for.
    pub answer: Answer,
}

/// What a device answers to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 06 or 15.
    Acknowledgement,
    /// Nothing, by its document.
    Nothing,
    /// Its time.
    Time,
    /// A feedback package for this command.
    Feedback(u8),
}

impl Setting {
    /// What is sent, in this order, each after the answer to the one before.
    ///
    /// A year outside 2000 to 2099 cannot be said to a Nonin: it gets the last two digits.
    #[must_use]
    pub fn steps(self) -> Vec<Step> {
        match self {
            Self::Nonin9560Format(format) => alloc::vec![Step {
                message: alloc::vec![0x02, 0x70, 0x02, 0x02, format.number(), 0x03],
                meaning: "use this data format from now on",
                answer: Answer::Acknowledgement,
            }],
            Self::Nonin3150Format(format) => {
                let body = [0x70, 0x04, 0x02, format.number(), 0x00];
                let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
                alloc::vec![Step {
                    message: [&[0x02][..], &body, &[sum, 0x03]].concat(),
                    meaning: "use this data format from now on, without options",
                    answer: Answer::Acknowledgement,
                }]
            }
            Self::NoninClock(at) => {
                let set = [&[0x02, 0x72, 0x06][..], &[small(at.year() % 100)], &clock(at), &[0x03]].concat();
                alloc::vec![
                    Step { message: set, meaning: "set the clock", answer: Answer::Nothing },
                    Step {
                        message: alloc::vec![0x02, 0x72, 0x00, 0x03],
                        meaning: "what time is it?",
                        answer: Answer::Time,
                    },
                ]
            }
            Self::ContecClock(at) => {
                let weekday = at.date().weekday().to_sunday_zero_offset();
                let [month, day, hour, minute, second] = clock(at);
                let (century, year) = (small(at.year() / 100), small(at.year() % 100));
                alloc::vec![
                    contec(0xB2, "set the date", [century, year, month, day, small(weekday.into())]),
                    contec(0xB1, "set the time", [hour, minute, second, 0, 0]),
                ]
            }
        }
    }
}

/// Whether a message configures a device: none of a driver's may.
#[must_use]
pub fn configures(message: &[u8]) -> bool {
    matches!(message, [0x02, 0x70 | 0x72, ..] | [0x7D, _, 0xB1 | 0xB2, ..])
}

/// Month, day, hour, minute, second.
fn clock(at: DateTime) -> [u8; 5] {
    [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(|it| small(it.into()))
}

fn small(number: i16) -> u8 {
    u8::try_from(number).unwrap_or(0)
}

/// A package: every byte behind the first has bit 7 set; the command's own stands in the high bits.
fn contec(command: u8, meaning: &'static str, data: [u8; 5]) -> Step {
    let mut message = alloc::vec![0x7D, 0x81, command];
    message.extend(data.map(|byte| byte | 0x80));
    message.push(0x80);
    Step { message, meaning, answer: Answer::Feedback(command) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceModel, permits};

    fn messages(setting: Setting) -> Vec<Vec<u8>> {
        setting.steps().into_iter().map(|it| it.message).collect()
    }

    #[test]
    fn messages_are_those_of_the_documents() {
        let format = |it| NoninFormat::from_number(it).unwrap();
        assert_eq!(messages(Setting::Nonin9560Format(format(8))), [[0x02, 0x70, 0x02, 0x02, 0x08, 0x03]]);
        assert_eq!(
            messages(Setting::Nonin3150Format(format(13))),
            [[0x02, 0x70, 0x04, 0x02, 0x0D, 0x00, 0x83, 0x03]]
        );
        // The document's example: 12-31-2050, 14:30:15.
        let at = jiff::civil::date(2050, 12, 31).at(14, 30, 15, 0);
        assert_eq!(
            messages(Setting::NoninClock(at)),
            [&[0x02, 0x72, 0x06, 0x32, 0x0C, 0x1F, 0x0E, 0x1E, 0x0F, 0x03][..], &[0x02, 0x72, 0x00, 0x03]]
        );
        // A Monday.
        let at = jiff::civil::date(2026, 11, 30).at(10, 30, 15, 0);
        assert_eq!(
            messages(Setting::ContecClock(at)),
            [
                [0x7D, 0x81, 0xB2, 0x94, 0x9A, 0x8B, 0x9E, 0x81, 0x80],
                [0x7D, 0x81, 0xB1, 0x8A, 0x9E, 0x8F, 0x80, 0x80, 0x80]
            ]
        );
    }

    #[test]
    fn no_driver_may_send_any_of_them() {
        let at = jiff::civil::date(2026, 11, 30).at(10, 30, 15, 0);
        let formats = [2, 7, 8, 13].map(|it| NoninFormat::from_number(it).unwrap());
        let settings =
            formats.into_iter().flat_map(|it| [Setting::Nonin9560Format(it), Setting::Nonin3150Format(it)]);
        for setting in settings.chain([Setting::NoninClock(at), Setting::ContecClock(at)]) {
            for message in messages(setting) {
                assert!(configures(&message), "{message:02X?}");
                for model in DeviceModel::ALL {
                    assert!(!permits(model, &message), "{model}: {message:02X?}");
                }
            }
        }
    }
}
