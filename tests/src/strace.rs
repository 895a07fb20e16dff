//! What strace saw of the agent: whether each PUBACK left only after the record was on disk.
//!
//! A message counts as durable once, after its last byte was received, something was written to a file of the store,
//! and after that an `fdatasync` of the same file began and returned 0 by itself (an injected 0 is none). strace
//! stops a thread at the entry and at the exit of a call, so what one line causes stands below it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::mqtt_bytes::{self, Packet};

/// The arguments of strace that give what [`check`] reads.
#[must_use]
pub fn arguments(log: &Path) -> Vec<String> {
    let calls =
        "trace=fdatasync,fsync,pwrite64,pwritev,write,writev,sendto,sendmsg,recvfrom,recvmsg,read,readv";
    let log = log.display().to_string();
    ["-f", "-x", "-yy", "-s", "65536", "--seccomp-bpf", "-e", calls, "-o", &log].map(str::to_owned).to_vec()
}

/// What came out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// PUBACKs of messages that were on disk.
    pub after_sync: u64,
    /// PUBACKs of messages that were not: each a reading that a power cut loses.
    pub before_sync: u64,
}

/// Reads a log of strace: the connection to the broker on `port`, topics that begin with `topic`, files below `store`.
#[must_use]
pub fn check(log: &str, port: u16, topic: &str, store: &Path) -> Verdict {
    let mut check = Check {
        broker: format!("127.0.0.1:{port}]>"),
        topic: topic.to_owned(),
        store: format!("<{}", store.display()),
        unfinished: BTreeMap::new(),
        received: BTreeMap::new(),
        streams: BTreeMap::new(),
        verdict: Verdict::default(),
    };
    for (number, line) in log.lines().enumerate() {
        check.line(number, line);
    }
    check.verdict
}

struct Check {
    broker: String,
    topic: String,
    store: String,
    /// Calls in which a thread still is: thread, line of the entry, text of the entry.
    unfinished: BTreeMap<String, (usize, String)>,
    /// Messages received and not acknowledged, by connection and packet id.
    received: BTreeMap<(String, u16), Message>,
    /// Bytes of each connection and direction that are not yet a whole packet.
    streams: BTreeMap<(String, bool), Vec<u8>>,
    verdict: Verdict,
}

struct Message {
    /// The line at which it had been received.
    at: usize,
    /// Files of the store written since, with the line at which the write had returned.
    written: BTreeMap<String, usize>,
    durable: bool,
}

impl Check {
    fn line(&mut self, number: usize, line: &str) {
        let Some((thread, call)) = line.split_once(' ') else { return };
        let call = call.trim_start();
        if let Some(begun) = call.strip_suffix("<unfinished ...>") {
            self.enters(begun);
            self.unfinished.insert(thread.to_owned(), (number, begun.to_owned()));
        } else if let Some((_, rest)) = call.split_once(" resumed>").filter(|_| call.starts_with("<... ")) {
            if let Some((entered, begun)) = self.unfinished.remove(thread) {
                self.returns(entered, number, &format!("{begun}{rest}"));
            }
        } else {
            self.enters(call);
            self.returns(number, number, call);
        }
    }

    /// At the entry: what is sent may be with the broker from here on.
    fn enters(&mut self, call: &str) {
        let sends = ["write(", "writev(", "sendto(", "sendmsg("].iter().any(|name| call.starts_with(name));
        if !sends || !call.contains(&self.broker) {
            return;
        }
        for (connection, packet) in self.packets(call, false) {
            if let Packet::PubAck { id } = packet {
                self.acknowledged(&(connection, id));
            }
        }
    }

    /// At the exit: what is received, written or synced is so from here on.
    fn returns(&mut self, entered: usize, number: usize, call: &str) {
        let Some((name, _)) = call.split_once('(') else { return };
        let receives = matches!(name, "read" | "readv" | "recvfrom" | "recvmsg");
        if receives && call.contains(&self.broker) {
            for (connection, packet) in self.packets(call, true) {
                if let Packet::Publish { topic, id: Some(id), .. } = packet
                    && topic.starts_with(&self.topic)
                {
                    let message = Message { at: number, written: BTreeMap::new(), durable: false };
                    self.received.insert((connection, id), message);
                }
            }
        }
        let Some(file) = self.store_file(call) else { return };
        match name {
            "write" | "writev" | "pwrite64" | "pwritev" => self.written(entered, number, &file),
            "fdatasync" | "fsync" if call.trim_end().ends_with("= 0") => self.synced(entered, &file),
            _ => {}
        }
    }

    fn written(&mut self, entered: usize, number: usize, file: &str) {
        for message in self.received.values_mut().filter(|message| message.at < entered) {
            message.written.entry(file.to_owned()).or_insert(number);
        }
    }

    fn synced(&mut self, entered: usize, file: &str) {
        for message in self.received.values_mut() {
            message.durable |= message.written.get(file).is_some_and(|written| *written < entered);
        }
    }

    fn acknowledged(&mut self, key: &(String, u16)) {
        match self.received.remove(key) {
            Some(message) if message.durable => self.verdict.after_sync += 1,
            Some(_) => self.verdict.before_sync += 1,
            // Of another topic: the agent's own marker, which leaves no record.
            None => {}
        }
    }

    fn store_file(&self, call: &str) -> Option<String> {
        let (_, file) = call.split_once(&self.store)?;
        file.split_once('>').map(|(file, _)| file.to_owned())
    }

    fn packets(&mut self, call: &str, inbound: bool) -> Vec<(String, Packet)> {
        let connection = call.split_once("TCP:[").and_then(|(_, rest)| rest.split_once(']'));
        let Some((connection, _)) = connection else { return Vec::new() };
        let stream = self.streams.entry((connection.to_owned(), inbound)).or_default();
        stream.extend(strings(call));
        let mut packets = Vec::new();
        while let Some((packet, length)) = mqtt_bytes::first_packet(stream) {
            stream.drain(..length);
            packets.push((connection.to_owned(), packet));
        }
        packets
    }
}

/// The bytes of all strings in a line, one after the other: a `writev` has several.
fn strings(call: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut inside = false;
    let mut rest = call.chars();
    while let Some(c) = rest.next() {
        match (c, inside) {
            ('"', _) => inside = !inside,
            ('\\', true) => bytes.extend(escaped(&mut rest)),
            (c, true) => bytes.push(u8::try_from(c).unwrap_or(b'?')),
            _ => {}
        }
    }
    bytes
}

fn escaped(rest: &mut std::str::Chars<'_>) -> Option<u8> {
    match rest.next()? {
        'x' => {
            let digits: String = rest.by_ref().take(2).collect();
            u8::from_str_radix(&digits, 16).ok()
        }
        'n' => Some(b'\n'),
        't' => Some(b'\t'),
        'r' => Some(b'\r'),
        'v' => Some(0x0b),
        'f' => Some(0x0c),
        '0' => Some(0),
        c => u8::try_from(c).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKER: &str = "9<TCP:[127.0.0.1:4000->127.0.0.1:1883]>";

    /// A PUBLISH of `ward/a` with packet id 7 received, then these lines.
    fn verdict(lines: &[&str]) -> Verdict {
        let publish = r#""\x32\x0c\x00\x06\x77\x61\x72\x64\x2f\x61\x00\x07\x7b\x7d""#;
        let mut log = format!("10 recvfrom({BROKER}, {publish}, 100, 0, NULL, NULL) = 14\n");
        for line in lines {
            log.push_str(&line.replace("BROKER", BROKER));
            log.push('\n');
        }
        check(&log, 1883, "ward/", Path::new("/state"))
    }

    const WRITE: &str = r#"11 pwrite64(12</state/r/1/db>, "\x01", 1, 0) = 1"#;
    const SYNC: &str = "11 fdatasync(12</state/r/1/db>) = 0";
    const ACK: &str = r#"10 sendto(BROKER, "\x40\x02\x00\x07", 4, MSG_NOSIGNAL, NULL, 0) = 4"#;

    #[test]
    fn only_a_sync_that_began_after_the_write_and_ended_before_the_acknowledgement_counts() {
        let good = Verdict { after_sync: 1, before_sync: 0 };
        let bad = Verdict { after_sync: 0, before_sync: 1 };
        assert_eq!(verdict(&[WRITE, SYNC, ACK]), good);
        assert_eq!(verdict(&[WRITE, ACK, SYNC]), bad);
        assert_eq!(verdict(&[SYNC, WRITE, ACK]), bad);
        assert_eq!(verdict(&[WRITE, "11 fdatasync(12</state/r/1/db>) = 0 (INJECTED)", ACK]), bad);
        assert_eq!(
            verdict(&[WRITE, "11 fdatasync(12</state/r/1/db>) = -1 EIO (Input/output error)", ACK]),
            bad
        );
        assert_eq!(verdict(&[WRITE, "11 fdatasync(12</state/a/1/db>) = 0", ACK]), bad, "another file");
        let entered = "11 fdatasync(12</state/r/1/db> <unfinished ...>";
        let left = "11 <... fdatasync resumed>) = 0";
        assert_eq!(verdict(&[WRITE, entered, left, ACK]), good);
        assert_eq!(verdict(&[WRITE, entered, ACK, left]), bad);
        assert_eq!(verdict(&[entered, WRITE, left, ACK]), bad, "the sync began before the write ended");
    }

    #[test]
    fn acknowledgements_are_found_in_one_write_of_several() {
        let two = r#"10 writev(BROKER, [{iov_base="\x40\x02", iov_len=2}, {iov_base="\x00\x07\x40\x02\x00\x08", iov_len=6}], 2) = 8"#;
        assert_eq!(verdict(&[WRITE, SYNC, two]), Verdict { after_sync: 1, before_sync: 0 });
    }
}
