//! All that may ever be said to a device: start, poll, keep alive and reply. Nothing else leaves, whatever is heard.
//!
//! The table is written from the documents and not from the drivers; a test walks every driver over any bytes and any time
//! and looks each message up here.

use alloc::vec::Vec;

use super::{DeviceModel, intellivue};

/// Whether a driver of this model may send this message.
#[must_use]
pub fn permits(model: DeviceModel, message: &[u8]) -> bool {
    match model {
        // These talk by themselves.
        DeviceModel::NoninDf2
        | DeviceModel::NoninDf7
        | DeviceModel::NoninDf8
        | DeviceModel::NoninDf13
        | DeviceModel::NoninAscii
        | DeviceModel::MasimoAscii1
        | DeviceModel::Bci
        | DeviceModel::IvyAnsarB => false,
        // DC1: go on.
        DeviceModel::Nellcor => message == [0x11],
        // Start realtime (A1) and keep alive (AF).
        DeviceModel::ContecV7 => {
            matches!(message, [0x7D, 0x81, 0xA1 | 0xAF, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80])
        }
        // Enable, start, the link is active.
        DeviceModel::Capnostream => {
            matches!(message, [0x85, 0x01, 0x01, 0x00] | [0x85, 0x01, 0x04, 0x05] | [0x85, 0x01, 0x06, 0x07])
        }
        // The last result.
        DeviceModel::SunTech => message == [0x3A, 0x79, 0x03, 0x00, 0x4A],
        DeviceModel::Medibus => is_permitted_on_medibus(message),
        // An association, the answer to the monitor's MDS, polls for numerics and for alarms.
        DeviceModel::IntellivueLan => intellivue::is_permitted(message),
        DeviceModel::Intellivue => {
            intellivue::unframed(message).is_some_and(|it| intellivue::is_permitted(&it))
        }
        // Keep alive; send values and alarms.
        DeviceModel::MindrayPds => {
            message == b"\x0BMSH|^~\\&|||||||ORU^R01|106|P|2.3.1|\r\x1C\r"
                || message
                    == b"\x0BMSH|^~\\&|||||||QRY^R02|1203|P|2.3.1\rQRD|20060731145557|R|I|Q895211|||||RES\r\
                        QRF|MON||||0&0^1^1^0^101&151&160&161\rQRF|MON||||0&0^1^1^0^170&171&172&200\r\
                        QRF|MON||||0&0^3^1^1^\rQRF|MON||||0&0^4^1^1^\r\x1C\r"
        }
        DeviceModel::GeS5Dri => is_permitted_on_s5(message),
    }
}

/// A request of 49 bytes for displayed values of all classes, of which only the level of the interface and the interval
/// differ; or one of 52 bytes for the alarms that are there now. Each in flags and with its sum.
fn is_permitted_on_s5(message: &[u8]) -> bool {
    let [0x7E, escaped @ .., 0x7E] = message else { return false };
    let mut request = Vec::with_capacity(escaped.len());
    let mut is_escaped = false;
    for byte in escaped {
        match byte {
            0x7D => is_escaped = true,
            byte if core::mem::take(&mut is_escaped) => request.push(byte | 0x20),
            byte => request.push(*byte),
        }
    }
    let Some((header, asked)) = request.split_at_checked(40) else { return false };
    let is_header = |length: u8, kind: u8| {
        let expected = |at| match at {
            0 => length,
            14 => kind,
            21 => 0xFF,
            _ => 0,
        };
        header.iter().enumerate().all(|(at, byte)| at == 3 || *byte == expected(at))
    };
    match asked {
        [1, _, _, 0x0E, 0, 0, 0, 0, 0, _sum] => is_header(49, 0),
        // Main type 4, command 0: not the modes 2 and 3.
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, _sum] => is_header(52, 4),
        _ => false,
    }
}

/// Open the line (51), no operation (30), measured values (24), low and high limits (25, 26), alarms of both code pages (27, 2E),
/// who the device is (52); answers of a code alone; and who we are.
fn is_permitted_on_medibus(message: &[u8]) -> bool {
    if message == b"\x01R0161'Wardline'01.00:06.00BC\r" {
        return true;
    }
    let &[start, code, high, low, 0x0D] = message else { return false };
    let sum = alloc::format!("{:02X}", start.wrapping_add(code));
    let is_summed = sum.as_bytes() == [high, low];
    is_summed
        && matches!((start, code), (0x1B, 0x51 | 0x30 | 0x24..=0x27 | 0x2E | 0x52) | (0x01, 0x15..=0x7F))
}
