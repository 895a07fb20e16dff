//! Kafka's transactions on the wire: an `EndTxn` that the network holds back until the next transaction has begun, and a
//! broker that does not know a client again and does not tell it of open transactions.
//!
//! A request of Kafka is its length (32 bits), the key of its API (16 bits), and what that API asks (protocol guide,
//! "Protocol API Keys").

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::proxy::{Direction, Watch};

const PRODUCE: i16 = 0;
const LIST_OFFSETS: i16 = 2;
/// `AddPartitionsToTxn`: with it a transaction begins as far as the broker knows.
const ADD_PARTITIONS: i16 = 24;
const END_TXN: i16 = 26;

/// What an `EndTxn` takes to arrive once it is on its way again, and to be done.
const ARRIVES_WITHIN: Duration = Duration::from_millis(200);

/// What stands on the way to Kafka.
#[derive(Debug, Clone, Default)]
pub struct EndTxn {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    stage: Stage,
    /// Whose request is held.
    client: String,
    /// A transactional id, and what the broker hears instead of it.
    renamed: Option<(String, String)>,
}

/// How far the holding back is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Stage {
    /// Everything passes.
    #[default]
    Passing,
    /// The next `EndTxn` will be held.
    Armed,
    /// One is held, with all that follows it on its connection.
    Holding,
    /// And the broker has heard of the client's next transaction.
    Announced,
    /// And has got the first records of it; all that the client says now waits.
    NextBegun,
    /// What was held is on its way; what came later still waits.
    Arriving,
}

impl EndTxn {
    /// Holds the next one back.
    pub fn arm(&self) {
        self.set(Stage::Armed);
    }

    /// Lets the one that is held arrive, and then all that waits.
    pub fn release(&self) {
        self.set(Stage::Arriving);
        std::thread::sleep(ARRIVES_WITHIN);
        self.set(Stage::Passing);
    }

    /// Waits until the holding back is so far, or farther.
    pub fn wait_for(&self, wanted: Stage, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        let mut state = self.state();
        while state.stage < wanted {
            let left = deadline.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "waited {within:?} in vain for {wanted:?}: it is {:?}", state.stage);
            state = self.shared.1.wait_timeout(state, left).map_or_else(|it| it.into_inner().0, |it| it.0);
        }
        Ok(())
    }

    /// Lets the broker hear another transactional id of the same length, so that it fences nobody, and lets a client that
    /// asks where a topic ends hear where the first open transaction begins, so that it waits for none.
    pub fn disguise(&self, id: &str, number: u8) {
        let kept = &id[..id.len() - 2];
        self.state().renamed = Some((id.to_owned(), format!("{kept}{:02}", number % 100)));
    }

    /// What watches one direction of a connection.
    #[must_use]
    pub fn watch(&self, direction: Direction) -> Watch {
        let it = self.clone();
        let mut requests = Requests::default();
        match direction {
            Direction::ToClient => Box::new(|piece| piece.len()),
            Direction::ToServer => Box::new(move |piece| {
                if let Some((id, other)) = &it.state().renamed {
                    replace(piece, id.as_bytes(), other.as_bytes());
                }
                let (count, begins) = requests.step(piece);
                if let Some((key, client)) = begins {
                    if key == LIST_OFFSETS && it.state().renamed.is_some() {
                        ask_for_committed(piece, &client);
                    }
                    it.handle(key, &client);
                }
                count
            }),
        }
    }

    /// A request is about to pass.
    fn handle(&self, key: i16, client: &str) {
        let mut state = self.state();
        let is_held = key == END_TXN && state.stage == Stage::Armed;
        if is_held {
            (state.stage, state.client) = (Stage::Holding, client.to_owned());
        } else if client != state.client {
            return;
        }
        let waits = move |it: &mut State| match it.stage {
            Stage::Holding | Stage::Announced => is_held,
            Stage::NextBegun => true,
            Stage::Arriving => !is_held,
            Stage::Passing | Stage::Armed => false,
        };
        self.shared.1.notify_all();
        let waited = self.shared.1.wait_while(state, waits);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        match (key, state.stage) {
            (ADD_PARTITIONS, Stage::Holding) => state.stage = Stage::Announced,
            (PRODUCE, Stage::Announced) => state.stage = Stage::NextBegun,
            _ => {}
        }
        self.shared.1.notify_all();
    }

    fn set(&self, stage: Stage) {
        self.state().stage = stage;
        self.shared.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The requests in one connection's bytes.
#[derive(Debug, Default)]
struct Requests {
    /// Bytes of the request at hand that are still to come.
    left: usize,
    /// Of the next one: the beginning, as far as it has come.
    head: Vec<u8>,
}

/// What comes before the client's id: length, key, version, number, length of that id.
const HEAD: usize = 14;

impl Requests {
    /// How many bytes of a piece belong together, and the key and the client of the request that begins with them.
    ///
    /// A request whose beginning is torn apart is not looked at before its head is whole; what comes before passes.
    fn step(&mut self, piece: &[u8]) -> (usize, Option<(i16, String)>) {
        if self.left > 0 {
            let count = self.left.min(piece.len());
            self.left -= count;
            return (count, None);
        }
        let had = self.head.len();
        self.head.extend_from_slice(piece);
        let Some((length, key, client)) = parse(&self.head) else { return (piece.len(), None) };
        let count = (4 + length).saturating_sub(had).clamp(1, piece.len());
        self.left = (4 + length).saturating_sub(had + count);
        self.head.clear();
        (count, Some((key, client)))
    }
}

/// Length, key and client of a request; `None` before the head is whole.
fn parse(head: &[u8]) -> Option<(usize, i16, String)> {
    let number = |from: usize, bytes: usize| {
        head.get(from..from + bytes).map(|it| it.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    };
    let (length, key, client) = (number(0, 4)?, number(4, 2)?, number(HEAD - 2, 2)?);
    let client = client.min(length.saturating_sub(HEAD - 4));
    let client = String::from_utf8_lossy(head.get(HEAD..HEAD + client)?).into_owned();
    Some((length, i16::try_from(key).unwrap_or(-1), client))
}

/// Makes of a `ListOffsets` for everything one for what is committed: its isolation level, behind the id of a replica,
/// from 0 to 1. Its head ends with a byte of tags from version 6 on.
fn ask_for_committed(request: &mut [u8], client: &str) {
    let Some(version) = request.get(6..8).map(|it| i16::from_be_bytes([it[0], it[1]])) else { return };
    let at = HEAD + client.len() + usize::from(version >= 6) + 4;
    if let Some(level) = request.get_mut(at) {
        *level = 1;
    }
}

fn replace(piece: &mut [u8], one: &[u8], other: &[u8]) {
    for at in 0..piece.len().saturating_sub(one.len() - 1) {
        if piece[at..].starts_with(one) {
            piece[at..at + one.len()].copy_from_slice(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: i16, client: &str, rest: usize) -> Vec<u8> {
        let length = u32::try_from(HEAD - 4 + client.len() + rest).unwrap_or(0);
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend(key.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0, 9]);
        bytes.extend(u16::try_from(client.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(client.as_bytes());
        bytes.extend(vec![26; rest]);
        bytes
    }

    #[test]
    fn requests_are_found_however_the_bytes_are_split() {
        let bytes: Vec<u8> =
            [(0, 500), (24, 30), (26, 40), (3, 0)].iter().flat_map(|it| request(it.0, "a", it.1)).collect();
        for size in 1..60 {
            let (mut requests, mut keys, mut passed) = (Requests::default(), Vec::new(), 0);
            for mut piece in bytes.chunks(size) {
                while !piece.is_empty() {
                    let (count, begins) = requests.step(piece);
                    keys.extend(begins);
                    piece = &piece[count..];
                    passed += count;
                }
            }
            assert_eq!(keys, [0, 24, 26, 3].map(|key| (key, "a".to_owned())), "{size}");
            assert_eq!(passed, bytes.len());
        }
    }

    #[test]
    fn what_is_held_arrives_in_the_midst_of_the_next_transaction() {
        let (it, passed) = (EndTxn::default(), std::sync::mpsc::channel());
        it.arm();
        let say = |key| {
            let (mut watch, passed) = (it.watch(Direction::ToServer), passed.0.clone());
            std::thread::spawn(move || {
                watch(&mut request(key, "readings", 8));
                passed.send(key)
            })
        };
        let soon = Duration::from_secs(10);
        let held = say(END_TXN);
        it.wait_for(Stage::Holding, soon).unwrap();
        for key in [ADD_PARTITIONS, PRODUCE] {
            let _ = say(key).join();
        }
        it.wait_for(Stage::NextBegun, soon).unwrap();
        let later = say(PRODUCE);
        it.release();
        let _ = (held.join(), later.join());
        let order: Vec<i16> = passed.1.try_iter().collect();
        assert_eq!(order, [ADD_PARTITIONS, PRODUCE, END_TXN, PRODUCE]);
    }

    #[test]
    fn another_id_of_the_same_length_takes_the_place_of_the_first() {
        let it = EndTxn::default();
        it.disguise("wardline-a-123", 7);
        let mut piece = *b"..wardline-a-123.wardline-a-123";
        it.watch(Direction::ToServer)(&mut piece);
        assert_eq!(&piece, b"..wardline-a-107.wardline-a-107");
    }

    #[test]
    fn who_asks_for_everything_hears_of_what_is_committed() {
        let it = EndTxn::default();
        let mut asked = request(LIST_OFFSETS, "cursor", 20);
        asked[6..8].copy_from_slice(&7_u16.to_be_bytes());
        let mut expected = asked.clone();
        expected[HEAD + 6 + 1 + 4] = 1;
        it.watch(Direction::ToServer)(&mut asked);
        assert_ne!(asked, expected);
        it.disguise("wardline-a-123", 7);
        it.watch(Direction::ToServer)(&mut asked);
        assert_eq!(asked, expected);
    }
}
