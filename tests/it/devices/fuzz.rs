//! Streams that chance has changed: no panic, the same however they are split, nothing left behind, and nothing said that
//! may not be said.

use std::time::{Duration, Instant};

use vitals::device::{self, DeviceModel};
use vitals::time::Uptime;
use wardline_sim::random::Random;
use wardline_tests::{length, seed};

use super::{Stream, decode, faults};

/// Time for each model.
const SHORT: Duration = Duration::from_millis(500);
const LONG: Duration = Duration::from_secs(60);
/// Changes to one stream, at most.
const CHANGES_MAX: u64 = 12;

#[test]
fn no_driver_is_brought_down_by_any_bytes() {
    let mut random = seed::random("no_driver_is_brought_down_by_any_bytes");
    let streams: Vec<Stream> = Stream::all().collect();
    for stream in &streams {
        let begin = Instant::now();
        let mut executions = 0_u64;
        while begin.elapsed() < length::pick(SHORT, LONG) {
            let other = &streams[index(&mut random, streams.len())];
            let bytes = changed(&mut random, stream, other);
            let whole = decode(stream.model, &bytes, bytes.len());
            let piece = 1 + index(&mut random, 64);
            assert_eq!(
                decode(stream.model, &bytes, piece),
                whole,
                "{}, pieces of {piece}: {bytes:02X?}",
                stream.model
            );
            // No frame is shorter than two bytes: what comes out is bounded by what went in.
            let (readings, counts) = whole;
            let out = readings.len() as u64 + faults(counts);
            assert!(out <= bytes.len() as u64, "{}: {counts:?} of {bytes:02X?}", stream.model);
            talk(&mut random, stream.model, &bytes);
            executions += 3;
        }
        println!("figure fuzz_executions_{} {executions}", stream.model);
    }
}

/// Lets bytes and time come as they like, and looks up what is said.
fn talk(random: &mut Random, model: DeviceModel, bytes: &[u8]) {
    let mut driver = device::driver(model, model.period());
    let mut now = Uptime::from_millis(1000);
    for piece in bytes.chunks(1 + index(random, 200)) {
        now = now + Duration::from_millis(random.below(5000));
        driver.handle_bytes(now, piece);
        if driver.poll_timeout().is_some_and(|at| at <= now) {
            driver.handle_timeout(now);
        }
        while let Some(message) = driver.poll_transmit() {
            assert!(device::permits(model, &message), "{model} sent {message:02X?}");
        }
        while driver.poll_reading().is_some() {}
    }
}

/// A part of a stream with bits turned over, bytes lost, added and repeated, and parts of another stream in it.
fn changed(random: &mut Random, stream: &Stream, other: &Stream) -> Vec<u8> {
    let start = index(random, stream.bytes.len());
    let length = 1 + index(random, 3000);
    let mut bytes: Vec<u8> = stream.bytes.iter().copied().cycle().skip(start).take(length).collect();
    for _ in 0..random.below(CHANGES_MAX + 1) {
        let at = index(random, bytes.len());
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = byte(random),
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, byte(random)),
            4 => bytes.truncate(at.max(1)),
            5 => {
                let end = (at + index(random, 300)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let from = index(random, other.bytes.len());
                let end = (from + index(random, 300)).min(other.bytes.len());
                bytes.splice(at..at, other.bytes[from..end].iter().copied());
            }
        }
        if bytes.is_empty() {
            bytes.push(byte(random));
        }
    }
    bytes
}

fn index(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap()
}

fn byte(random: &mut Random) -> u8 {
    u8::try_from(random.below(256)).unwrap()
}
