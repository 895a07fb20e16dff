//! How bodies are compressed, and the dictionaries that this leans on.
//!
//! A dictionary is part of the format for ever: each frame says by number which one it needs, and what was written with
//! it can be read with nothing else. So none is ever changed or removed; a better one gets the next number. They are
//! trained by `tests/dictionary/train`.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::{CParameter, Strategy};

/// The number that says: none.
pub(super) const NO_DICTIONARY: u8 = 0;
/// The dictionary that new frames lean on.
pub(super) const DICTIONARY: u8 = 1;

static DICTIONARY_1: &[u8] = include_bytes!("dictionary/1.zdict");

/// How much time a body may take to become small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Somebody waits for it to be durable.
    Prompt,
    /// Nobody waits, but more is to be done.
    Thorough,
    /// Nobody waits, and there is all the time in the world: forty times that of the one before.
    Exhaustive,
}

/// Bodies up to this take the time for a better level. They are the groups of bedside rates, and it makes them a fifth
/// smaller for 4 µs a record; what is larger hardly gains, and comes when there is no time to lose.
const SMALL: usize = 64 << 10;

// Digested once for all threads: 12 KiB of dictionary each time would cost more than the records.
static QUICK: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_1, 1));
static CAREFUL: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_1, 6));
static READ_1: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY_1));

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(compressor().ok());
    static THOROUGH: RefCell<Option<Compressor<'static>>> = RefCell::new(roomy(&LAZY).ok());
    static EXHAUSTIVE: RefCell<Option<Compressor<'static>>> = RefCell::new(roomy(&OPTIMAL).ok());
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> =
        RefCell::new(Decompressor::with_prepared_dictionary(&READ_1).ok());
}

/// Whether a body that leans on this dictionary can be read.
pub(super) const fn knows(dictionary: u8) -> bool {
    dictionary <= DICTIONARY
}

/// The body compressed with [`DICTIONARY`]; `None` where that makes it no smaller.
pub(super) fn compress(raw: &[u8], effort: Effort) -> Option<Vec<u8>> {
    let stored = match effort {
        Effort::Prompt => COMPRESSOR.with_borrow_mut(|it| {
            let compressor = it.as_mut()?;
            let dictionary = if raw.len() > SMALL { &QUICK } else { &CAREFUL };
            compressor.set_prepared_dictionary(dictionary).ok()?;
            compressor.compress(raw).ok()
        }),
        Effort::Thorough => THOROUGH.with_borrow_mut(|it| it.as_mut()?.compress(raw).ok()),
        Effort::Exhaustive => EXHAUSTIVE.with_borrow_mut(|it| it.as_mut()?.compress(raw).ok()),
    };
    stored.filter(|it| it.len() < raw.len())
}

/// The body again, which has `len` bytes; `None` where these bytes are none.
pub(super) fn decompress(dictionary: u8, stored: &[u8], len: usize) -> Option<Vec<u8>> {
    match dictionary {
        NO_DICTIONARY => zstd::bulk::decompress(stored, len).ok(),
        DICTIONARY => DECOMPRESSOR.with_borrow_mut(|it| it.as_mut()?.decompress(stored, len).ok()),
        _ => None,
    }
}

fn compressor() -> std::io::Result<Compressor<'static>> {
    bare(Compressor::with_prepared_dictionary(&CAREFUL)?)
}

/// How a full frame's body is searched for what repeats. A level alone would make the tables for the dictionary's 12 KiB,
/// and hardly find anything of half a megabyte; these hold all of it, in 3 MiB of memory.
type Search = [CParameter; 6];

const LAZY: Search = search(Strategy::ZSTD_lazy2, 5, 5, 16);
const OPTIMAL: Search = search(Strategy::ZSTD_btultra2, 7, 3, 256);

const fn search(strategy: Strategy, search_log: u32, min_match: u32, target: u32) -> Search {
    [
        CParameter::HashLog(18),
        CParameter::ChainLog(19),
        CParameter::SearchLog(search_log),
        CParameter::MinMatch(min_match),
        CParameter::TargetLength(target),
        CParameter::Strategy(strategy),
    ]
}

fn roomy(search: &Search) -> std::io::Result<Compressor<'static>> {
    // The level gives what is not said here.
    let mut compressor = Compressor::with_dictionary(9, DICTIONARY_1)?;
    compressor.set_parameter(CParameter::WindowLog(20))?;
    for parameter in search {
        compressor.set_parameter(*parameter)?;
    }
    bare(compressor)
}

/// Length and dictionary stand in the frame's head already.
fn bare(mut compressor: Compressor<'static>) -> std::io::Result<Compressor<'static>> {
    compressor.set_parameter(CParameter::ContentSizeFlag(false))?;
    compressor.set_parameter(CParameter::DictIdFlag(false))?;
    Ok(compressor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of a dictionary are the format: whoever changes them makes every store unreadable.
    #[test]
    fn no_dictionary_is_ever_changed() {
        assert_eq!(crc32fast::hash(DICTIONARY_1), 0xC19F_2F38);
        assert_eq!(DICTIONARY_1.len(), 12 << 10);
    }

    #[test]
    fn what_is_compressed_comes_back() {
        for len in [1, 300, 5_000, SMALL + 1, 400_000] {
            let raw: Vec<u8> = (0..len).map(|it| b"spo2,heart_rate"[it * it / 7 % 15]).collect();
            for effort in [Effort::Prompt, Effort::Thorough, Effort::Exhaustive] {
                let Some(stored) = compress(&raw, effort) else { continue };
                assert_eq!(decompress(DICTIONARY, &stored, len).as_ref(), Some(&raw), "{len}");
            }
        }
        let raw = br#""name":"heart_rate","value":80,"unit":"/min","mdc":147842"#;
        let stored = compress(raw, Effort::Prompt).unwrap();
        assert!(stored.len() < raw.len() / 2, "{}", stored.len());
        assert_ne!(decompress(NO_DICTIONARY, &stored, raw.len()).as_deref(), Some(&raw[..]));
    }
}
