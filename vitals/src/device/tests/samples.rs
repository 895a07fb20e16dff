//! Good records of each format, written by hand from the documents: what damage is done to.

use alloc::format;
use alloc::vec::Vec;

use super::vector;
use crate::device::DeviceModel;

/// The record of that number. Neighbours say different things.
pub(super) fn record(model: DeviceModel, number: u8) -> Vec<u8> {
    let (rate, saturation) = (60 + number, 90 + number % 8);
    match model {
        DeviceModel::NoninDf2 | DeviceModel::NoninDf7 => packet(model, rate, saturation),
        DeviceModel::NoninDf8 => alloc::vec![0x80, rate, saturation, 0],
        DeviceModel::NoninDf13 => spot(number, rate, saturation),
        DeviceModel::NoninAscii => format!("SPO2={saturation:03} HR={rate:03}\r\n").into_bytes(),
        DeviceModel::MasimoAscii1 => format!(
            "03/17/16 19:19:{number:02} SN=0000093112 SPO2={saturation:03}% BPM={rate:03} PI=00.55 SPCO=--% \
             ALARM=000000 EXC=0000C00 EXC1=00000000\r\n"
        )
        .into_bytes(),
        DeviceModel::GeS5Dri => displayed_values(rate),
        DeviceModel::ContecV7 => realtime(rate, saturation),
        DeviceModel::Bci => {
            alloc::vec![0xC7, 0x3F, 0x08 | (rate >> 1 & 0x40), rate & 0x7F, saturation]
        }
        DeviceModel::Nellcor => {
            format!("12-NOV-98 14:00:{number:02}     {saturation:3}    {rate:3}    50\r\n").into_bytes()
        }
        DeviceModel::Capnostream => numerics(rate, saturation),
        DeviceModel::IvyAnsarB => ansar(rate, saturation),
        DeviceModel::SunTech => cuff(rate),
        DeviceModel::Medibus => {
            let body = format!("\u{1}$7D  2178 5.0D6  14EB{saturation:4}E1{rate:4}E6  38");
            let sum = body.bytes().fold(0, u8::wrapping_add);
            format!("{body}{sum:02X}\r").into_bytes()
        }
        DeviceModel::IntellivueLan => poll_result(rate, saturation),
        DeviceModel::Intellivue => framed(&poll_result(rate, saturation)),
        DeviceModel::MindrayPds => format!(
            "\u{B}MSH|^~\\&|||||||ORU^R01|204|P|2.3.1|\rPID|||9917||DOE^JANE\rOBR||||Monitor|||20070106191910\r\
             OBX||NM|161^PR|2103|{rate}||||||F\rOBX||NM|160^SpO2|2103|{saturation}||||||F\r\u{1C}\r"
        )
        .into_bytes(),
    }
}

/// So many records, one after the other.
pub(super) fn records(model: DeviceModel, count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|number| record(model, number)).collect()
}

fn packet(model: DeviceModel, rate: u8, saturation: u8) -> Vec<u8> {
    let mut packet = Vec::new();
    for frame in 1..=25_u8 {
        let slot = match frame {
            2 | 7 | 15 | 21 | 23 => rate & 0x7F,
            1 | 14 | 20 | 22 => rate >> 7,
            3 | 9 | 10 | 11 | 16 | 17 => saturation,
            4 => 0x30,
            8 => 0x20,
            _ => 0,
        };
        let status = 0x80 | u8::from(frame == 1);
        let pleth = frame.wrapping_mul(11);
        let bytes = if model == DeviceModel::NoninDf2 {
            [1, status, pleth, slot]
        } else {
            [status, 0x80 | frame >> 2, pleth, slot]
        };
        packet.extend(bytes);
        packet.push(bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)));
    }
    packet
}

fn spot(number: u8, rate: u8, saturation: u8) -> Vec<u8> {
    let second = ((number / 10) << 4) | (number % 10);
    let data = [0x20, 0x18, 0x07, 0x26, 0x17, 0x06, second, 0, 2, 0, 0, rate, 0, saturation];
    let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    [&[0, 2, 0, 0x0D, 0, 0x0E], &data[..], &[sum, 3]].concat()
}

fn realtime(rate: u8, saturation: u8) -> Vec<u8> {
    let data = [0x45, 0x33, 0x06, rate, saturation, 200, 1];
    let high = (0..).zip(data).fold(0x80, |high, (index, byte)| high | byte >> 7 << index);
    let low = data.map(|byte| 0x80 | byte);
    [&[1, high], &low[..]].concat()
}

fn numerics(rate: u8, saturation: u8) -> Vec<u8> {
    let mut body =
        alloc::vec![28, 1, 0x5B, 0x63, 0x15, rate, 38, 1, 14, saturation, rate, 0x80, 0, 0, 0, 0, 4, 0];
    body.extend([60, 15, 30, 5, 8, 100, 0x85, 120, 50, 1, 0]);
    body.push(body.iter().fold(0, |sum, byte| sum ^ byte));
    let mut frame = alloc::vec![0x85];
    for byte in body {
        match byte {
            0x80 | 0x85 => frame.extend([0x80, byte & 0x7F]),
            byte => frame.push(byte),
        }
    }
    frame
}

/// The authored result with other numbers, without its frame.
fn poll_result(rate: u8, saturation: u8) -> Vec<u8> {
    let frame = vector("iv-poll-spo2-pr").bytes;
    let mut message = frame[5..frame.len() - 3].to_vec();
    let place = |message: &[u8], value: [u8; 4]| message.windows(4).position(|it| it == value).unwrap();
    let at = place(&message, [0, 0, 0, 97]);
    message[at + 3] = saturation;
    let at = place(&message, [0xFF, 0, 2, 0xD0]);
    message[at..at + 4].copy_from_slice(&[0, 0, 0, rate]);
    message
}

pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut body = alloc::vec![0x11, 0x01, 0, u8::try_from(message.len()).unwrap()];
    body.extend(message);
    let mut fcs = 0xFFFF_u16;
    for byte in &body {
        fcs ^= u16::from(*byte);
        for _ in 0..8 {
            fcs = if fcs & 1 == 1 { (fcs >> 1) ^ 0x8408 } else { fcs >> 1 };
        }
    }
    body.extend((!fcs).to_le_bytes());
    let mut frame = alloc::vec![0xC0];
    for byte in body {
        match byte {
            0xC0 | 0xC1 | 0x7D => frame.extend([0x7D, byte ^ 0x20]),
            byte => frame.push(byte),
        }
    }
    frame.push(0xC1);
    frame
}

fn ansar(rate: u8, saturation: u8) -> Vec<u8> {
    let waves: Vec<u8> = (0..400_u16).map(|it| (it % 251).to_le_bytes()[0]).collect();
    let text = format!(
        "HR=1;{rate};ECG-II-DIAG;\rRR=1;14;APNEA: 20 SEC;\rETCO2=1;;;\rSPO2=1;{saturation};PR={rate} ;\r\
         NIBP=4;128;82;97;70;;\rP1=3;119;77;91;;\rP2=3;;;;NO TRANSDUCER;\rT1=1;;;\rT2=1;;;\r"
    );
    [b"\xFFANSAR-B ", &waves[..], text.as_bytes(), &[0xFE]].concat()
}

fn cuff(rate: u8) -> Vec<u8> {
    let mut frame = alloc::vec![0; 24];
    (frame[0], frame[1], frame[2], frame[4], frame[16], frame[18]) =
        (0x3E, 24, rate + 50, rate, rate, rate + 20);
    frame[23] = frame.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    frame
}

/// The recorded monitor's first record with another heart rate.
fn displayed_values(rate: u8) -> Vec<u8> {
    let real = vector("dri-real-phdb").bytes;
    let mut record = Vec::new();
    let mut is_escaped = false;
    for byte in &real[1..real.len() - 1] {
        match byte {
            0x7D => is_escaped = true,
            byte => record.push(if core::mem::take(&mut is_escaped) { byte | 0x20 } else { *byte }),
        }
    }
    record.pop();
    // The heart rate of the ECG, and the pulse.
    (record[50], record[170]) = (rate, rate);
    flagged(record)
}

/// A record of the interface as it goes over the line.
pub(super) fn flagged(mut record: Vec<u8>) -> Vec<u8> {
    record.push(record.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)));
    let mut frame = alloc::vec![0x7E];
    for byte in record {
        match byte {
            0x7D | 0x7E => frame.extend([0x7D, byte & 0x5F]),
            byte => frame.push(byte),
        }
    }
    frame.push(0x7E);
    frame
}
