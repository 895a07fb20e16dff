//! How fast each driver reads, and what is left of a stream of which one bit in a hundred is wrong.

use std::time::Instant;

use wardline_sim::random::Random;

use super::{Stream, decode, faults};

/// Bytes decoded for a figure of speed.
const BYTES: usize = 4 << 20;
/// Frames for a figure of damage.
const FRAMES: usize = 3000;

#[test]
fn how_fast_each_driver_reads() {
    for stream in Stream::all() {
        let bytes = stream.bytes.repeat(BYTES / stream.bytes.len());
        let begin = Instant::now();
        let (_, counts) = decode(stream.model, &bytes, 64 * 1024);
        let seconds = begin.elapsed().as_secs_f64();
        let (size, frames) = (number(bytes.len()), number(counts.frames_good));
        println!(
            "figure decode_{} {:.0} MB/s, {:.0} ns/frame",
            stream.model,
            size / 1e6 / seconds,
            seconds * 1e9 / frames
        );
        // The fastest line brings 11,520 bytes a second: a hundred of them at once are no load, even here.
        assert!(size / seconds > 1.152e6, "{} is too slow", stream.model);
    }
}

/// With one bit in a hundred wrong, the frames that are whole all the same are read, all but those that damage hides.
#[test]
fn what_one_wrong_bit_in_a_hundred_leaves() {
    for stream in Stream::all() {
        let mut random = Random::new(7, 0);
        let (mut bytes, mut whole) = (Vec::new(), 0_u64);
        let frames = (0..stream.ends.len()).map(|it| &stream.bytes[stream.frame(it)]);
        for frame in frames.filter(|it| !it.is_empty()).cycle().take(FRAMES) {
            let damaged: Vec<u8> = frame.iter().map(|byte| byte ^ wrong_bits(&mut random)).collect();
            whole += u64::from(damaged == frame);
            bytes.extend(damaged);
        }
        let (readings, counts) = decode(stream.model, &bytes, 4096);
        let share = |part: u64, of: u64| 100.0 * number(part) / number(of.max(1));
        println!(
            "figure recovered_{} {:.1} % of {whole} whole frames of {FRAMES}; {} readings, {} counted as damaged",
            stream.model,
            share(counts.frames_good.min(whole), whole),
            readings.len(),
            faults(counts),
        );
        assert!(
            counts.frames_good * 100 >= whole * 60,
            "{}: {counts:?} of {whole} whole frames",
            stream.model
        );
    }
}

/// A count of some thousands or millions.
fn number(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}

/// A mask of the bits of a byte that are wrong, each with a chance of one in a hundred.
fn wrong_bits(random: &mut Random) -> u8 {
    (0..8).fold(0, |mask, bit| mask | u8::from(random.below(100) == 0) << bit)
}
