//! The messages that make and end an association: session and presentation headers, which are fixed, and user data.

use super::words::{Reader, attribute, list};

/// Session messages, by their first byte.
const REQUEST: u8 = 0x0D;
const ACCEPT: u8 = 0x0E;
const REFUSE: u8 = 0x0C;
const RELEASE: u8 = 0x09;
const RELEASED: u8 = 0x0A;
const ABORT: u8 = 0x19;

/// Session data of a request and its acceptance.
const SESSION: [u8; 14] = [5, 8, 0x13, 1, 0, 0x16, 1, 2, 0x80, 0, 0x14, 2, 0, 2];
/// What ends a presentation header before the length of the user data.
const USER_DATA: [u8; 8] = [0xBE, 0x80, 0x28, 0x80, 0x02, 0x01, 0x02, 0x81];
/// The same in a request, which names its syntax.
const REQUEST_USER_DATA: [u8; 22] =
    [0xBE, 0x80, 0x28, 0x80, 0x06, 0x0C, 0x2A, 0x86, 0x48, 0xCE, 0x14, 2, 1, 0, 0, 0, 1, 1, 2, 1, 2, 0x81];
/// Presentation header of an acceptance, up to its user data.
const ACCEPTANCE: [u8; 93] = [
    0x31, 0x80, 0xA0, 0x80, 0x80, 1, 1, 0, 0, 0xA2, 0x80, 0xA0, 3, 0, 0, 1, 0xA5, 0x80, 0x30, 0x80, 0x80, 1,
    0, 0x81, 2, 0x51, 1, 0, 0, 0x30, 0x80, 0x80, 1, 0, 0x81, 0x0C, 0x2A, 0x86, 0x48, 0xCE, 0x14, 2, 1, 0, 0,
    0, 2, 1, 0, 0, 0, 0, 0x61, 0x80, 0x30, 0x80, 2, 1, 1, 0xA0, 0x80, 0x61, 0x80, 0xA1, 0x80, 6, 0x0C, 0x2A,
    0x86, 0x48, 0xCE, 0x14, 2, 1, 0, 0, 0, 3, 1, 0, 0, 0xA2, 3, 2, 1, 0, 0xA3, 5, 0xA1, 3, 2, 1, 0,
];
/// Presentation of an abort.
const ABORTION: [u8; 41] = [
    0xA0, 0x80, 0xA0, 0x80, 0x30, 0x80, 2, 1, 1, 6, 2, 0x51, 1, 0, 0, 0, 0, 0x61, 0x80, 0x30, 0x80, 2, 1, 1,
    0xA0, 0x80, 0x64, 0x80, 0x80, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];
/// Presentation of the answer to a release.
const RELEASING: [u8; 22] =
    [0x61, 0x80, 0x30, 0x80, 2, 1, 1, 0xA0, 0x80, 0x63, 0x80, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Attributes of the user data: the poll profile, and its extensions.
const POLL_PROFILE: u16 = 0x0001;
const EXTENSIONS: u16 = 0xF001;
/// What of the extensions a monitor grants: numerics every second, enumerations.
const GRANTED: u32 = 0x8400_0000;

/// What a host asks for when it wants an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    /// How often it will poll, eighths of a millisecond.
    pub(super) min_poll_period: u32,
    /// The longest message that it takes, bytes.
    pub(super) longest: u32,
    extensions: u32,
}

/// A session message of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Session {
    Request(Request),
    Release,
    Abort,
}

/// Reads a session message.
pub(super) fn read(message: &[u8]) -> Option<Session> {
    match *message.first()? {
        REQUEST => Some(Session::Request(request(message)?)),
        RELEASE => Some(Session::Release),
        ABORT => Some(Session::Abort),
        _ => None,
    }
}

fn request(message: &[u8]) -> Option<Request> {
    let length = REQUEST_USER_DATA.len();
    let place = message.windows(length).position(|it| it == REQUEST_USER_DATA)?;
    let mut reader = Reader(message.get(place + length..)?);
    // The length of the user data: one byte, or as many as the first says.
    let first = reader.byte()?;
    if first & 0x80 != 0 {
        reader.take(usize::from(first & 0x7F))?;
    }
    // Versions, functional units, system type, start-up mode.
    reader.take(20)?;
    // Options: none that a monitor knows.
    reader.u16()?;
    reader.measured()?;
    let mut profile = reader.attribute_of_list(POLL_PROFILE)?;
    profile.u32()?;
    let (min_poll_period, longest) = (profile.u32()?, profile.u32()?);
    // The longest message that it sends, bandwidth, options.
    profile.take(12)?;
    let extensions = profile.attribute_of_list(EXTENSIONS).and_then(|mut it| it.u32()).unwrap_or(0);
    Some(Request { min_poll_period, longest, extensions })
}

/// The answer to a request: accepted, with what the monitor grants of it.
pub(super) fn accept(request: Request, longest: u32) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|it| it.to_be_bytes()).collect::<Vec<u8>>();
    let mut extensions = words(&[request.extensions & GRANTED]);
    extensions.extend(list(&[]));
    let mut profile = words(&[
        0x8000_0000,
        request.min_poll_period,
        longest,
        longest.min(request.longest),
        u32::MAX,
        0x6000_0000,
    ]);
    profile.extend(list(&[attribute(EXTENSIONS, &extensions)]));
    // Versions as requested, a server, which starts cold.
    let mut user = words(&[0x8000_0000, 0x4000_0000, 0, 0x0080_0000, 0x2000_0000]);
    user.extend(list(&[]));
    user.extend(list(&[attribute(POLL_PROFILE, &profile)]));
    let mut presentation = [ACCEPTANCE.as_slice(), &USER_DATA].concat();
    // Below 128 the length is one byte.
    presentation.extend(u8::try_from(user.len()));
    presentation.extend(user);
    presentation.extend([0; 16]);
    session(ACCEPT, &SESSION, &presentation)
}

/// The answer to a request while another association lives.
pub(super) fn refuse() -> Vec<u8> {
    vec![REFUSE, 3, 0x32, 1, 0]
}

/// What ends an association without being asked.
pub(super) fn abort() -> Vec<u8> {
    session(ABORT, &[0x11, 1, 3], &ABORTION)
}

/// The answer to a release.
pub(super) fn released() -> Vec<u8> {
    session(RELEASED, &[], &RELEASING)
}

fn session(kind: u8, data: &[u8], presentation: &[u8]) -> Vec<u8> {
    let mut inside = data.to_vec();
    inside.push(0xC1);
    inside.extend(length(presentation.len()));
    inside.extend(presentation);
    let mut message = vec![kind];
    message.extend(length(inside.len()));
    message.extend(inside);
    message
}

/// One byte, or FF and two.
fn length(bytes: usize) -> Vec<u8> {
    match u8::try_from(bytes) {
        Ok(short) if short < 0xFF => vec![short],
        _ => {
            let [high, low] = u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes();
            vec![0xFF, high, low]
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The request that the maker's test program sends, without its frame.
    pub(in crate::device::intellivue) const PHILIPS: [u8; 238] = [
        0x0D, 0xEC, 0x05, 0x08, 0x13, 0x01, 0x00, 0x16, 0x01, 0x02, 0x80, 0x00, 0x14, 0x02, 0x00, 0x02, 0xC1,
        0xDC, 0x31, 0x80, 0xA0, 0x80, 0x80, 0x01, 0x01, 0x00, 0x00, 0xA2, 0x80, 0xA0, 0x03, 0x00, 0x00, 0x01,
        0xA4, 0x80, 0x30, 0x80, 0x02, 0x01, 0x01, 0x06, 0x04, 0x52, 0x01, 0x00, 0x01, 0x30, 0x80, 0x06, 0x02,
        0x51, 0x01, 0x00, 0x00, 0x00, 0x00, 0x30, 0x80, 0x02, 0x01, 0x02, 0x06, 0x0C, 0x2A, 0x86, 0x48, 0xCE,
        0x14, 0x02, 0x01, 0x00, 0x00, 0x00, 0x01, 0x01, 0x30, 0x80, 0x06, 0x0C, 0x2A, 0x86, 0x48, 0xCE, 0x14,
        0x02, 0x01, 0x00, 0x00, 0x00, 0x02, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x61, 0x80, 0x30, 0x80,
        0x02, 0x01, 0x01, 0xA0, 0x80, 0x60, 0x80, 0xA1, 0x80, 0x06, 0x0C, 0x2A, 0x86, 0x48, 0xCE, 0x14, 0x02,
        0x01, 0x00, 0x00, 0x00, 0x03, 0x01, 0x00, 0x00, 0xBE, 0x80, 0x28, 0x80, 0x06, 0x0C, 0x2A, 0x86, 0x48,
        0xCE, 0x14, 0x02, 0x01, 0x00, 0x00, 0x00, 0x01, 0x01, 0x02, 0x01, 0x02, 0x81, 0x48, 0x80, 0x00, 0x00,
        0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x2C, 0x00, 0x01, 0x00, 0x28, 0x80, 0x00, 0x00, 0x00, 0x00,
        0x0F, 0xDE, 0x80, 0x00, 0x00, 0x03, 0xE8, 0x00, 0x00, 0x03, 0xE8, 0x00, 0x00, 0x00, 0x00, 0x60, 0x00,
        0x00, 0x00, 0x00, 0x01, 0x00, 0x0C, 0xF0, 0x01, 0x00, 0x08, 0x89, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    ];

    #[test]
    fn the_makers_own_request_is_understood() {
        let request = Request { min_poll_period: 130_000 * 8, longest: 1000, extensions: 0x8900_0000 };
        assert_eq!(read(&PHILIPS), Some(Session::Request(request)));
        for length in 0..200 {
            assert_eq!(read(&PHILIPS[..length]), None, "{length}");
        }
    }

    #[test]
    fn an_acceptance_has_the_documents_lengths_and_the_hosts_own_wishes() {
        let Some(Session::Request(request)) = read(&PHILIPS) else { panic!() };
        let accept = accept(request, 1000);
        // Session, presentation and user data tell their lengths.
        assert_eq!((accept[0], usize::from(accept[1])), (0x0E, accept.len() - 2));
        assert_eq!((accept[16], usize::from(accept[17])), (0xC1, accept.len() - 18));
        assert_eq!(accept[18 + 101], 72);
        let user = &accept[18 + 101 + 1..];
        assert_eq!(user.len(), 72 + 16);
        assert_eq!(
            user[..20],
            PHILIPS[150..170]
                .iter()
                .enumerate()
                .map(|(place, it)| match place {
                    12 => 0,
                    13 => 0x80,
                    _ => *it,
                })
                .collect::<Vec<_>>()[..]
        );
        assert_eq!(user[36..40], [0, 0x0F, 0xDE, 0x80]);
    }

    #[test]
    fn the_short_messages_have_the_documents_lengths() {
        assert_eq!(abort()[..6], [0x19, 0x2E, 0x11, 0x01, 0x03, 0xC1]);
        assert_eq!(abort()[6], 0x29);
        assert_eq!(released()[..4], [0x0A, 0x18, 0xC1, 0x16]);
        assert_eq!((abort().len(), released().len()), (48, 26));
    }
}
