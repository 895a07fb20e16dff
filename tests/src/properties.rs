//! What holds of every driver and of every payload format, whatever bytes come: no panic, the same output however they are
//! split, counts that agree with what came out, output bounded by input, and nothing said that may not be said.
//!
//! It knows `vitals` alone: the fuzz targets (`tests/fuzz`) take this very file in by its path, the test that replays their inputs
//! as a module. An input is nothing but the bytes of a device or of a message; splits and times are drawn from them.

use std::iter;
use std::time::Duration;

use vitals::device::{self, Counts, DeviceModel, Driver, Fault};
use vitals::notice::{DeviceAlarm, Notice};
use vitals::payload::{MappedField, Mapping, Payload, PayloadError, mapped, senml, wardline};
use vitals::reading::Reading;
use vitals::time::Uptime;
use vitals::vital::Vital;

/// The longest wait between two pieces, ms.
const WAIT_MAX: u64 = 5000;
/// The longest piece.
const PIECE_MAX: u64 = 200;
/// Messages that a driver may send at once, beside its answers to what it has heard.
const UNASKED_MAX: usize = 4;

/// What is fuzzed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The driver of a model.
    Driver(DeviceModel),
    /// Our own payload.
    Wardline,
    /// A foreign JSON payload.
    Mapped,
    /// A pack, from inputs in JSON.
    SenmlJson,
    /// A pack, from inputs in CBOR.
    SenmlCbor,
}

impl Target {
    /// Every target.
    pub fn all() -> impl Iterator<Item = Self> {
        let payloads = [Self::Wardline, Self::Mapped, Self::SenmlJson, Self::SenmlCbor];
        DeviceModel::ALL.into_iter().map(Self::Driver).chain(payloads)
    }

    /// Its name: the model's, or `payload-` and the format's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Driver(model) => model.name(),
            Self::Wardline => "payload-wardline",
            Self::Mapped => "payload-mapped",
            Self::SenmlJson => "payload-senml-json",
            Self::SenmlCbor => "payload-senml-cbor",
        }
    }

    /// Tries an input; what does not hold is told. The control is a property that is wrong, and has to be found out.
    pub fn check(self, input: &[u8], control: bool) -> Result<(), String> {
        match self {
            Self::Driver(model) => check_driver(model, input, control),
            Self::Wardline => check_payload(wardline::parse(input).map(|it| vec![it]), input, control),
            Self::Mapped => {
                check_payload(mapped::parse(&mapping(), input).map(|it| vec![it]), input, control)
            }
            Self::SenmlJson | Self::SenmlCbor => {
                let names = senml::Names::from([("pr".into(), Vital::PulseRate)]);
                check_payload(senml::parse(&names, input), input, control)
            }
        }
    }
}

/// All that comes of a stream.
#[derive(Debug, PartialEq)]
struct Heard {
    outcomes: Vec<Result<Reading, Fault>>,
    notices: Vec<Notice>,
    counts: Counts,
}

fn check_driver(model: DeviceModel, input: &[u8], control: bool) -> Result<(), String> {
    let whole = hear(model, iter::once(input));
    for (pieces, what) in [(vec![1], "byte by byte"), (Chance::of(input).pieces(input.len()), "in pieces")] {
        let split = hear(model, split(input, &pieces));
        ensure(split == whole, || format!("{what} {pieces:?}: {split:?}, and not {whole:?}"))?;
    }
    check_counts(&whole, input)?;
    for outcome in whole.outcomes.iter().flatten() {
        check_reading(outcome)?;
    }
    let alarms =
        whole.notices.iter().filter_map(|it| if let Notice::Alarms(it) = it { Some(it) } else { None });
    let is_code =
        |it: &str| it.len() <= DeviceAlarm::CODE_MAX && it.bytes().all(|it| (0x20..0x7F).contains(&it));
    ensure(alarms.flatten().all(|it| is_code(&it.code)), || format!("codes in {:?}", whole.notices))?;
    let Counts { frames_good, bad_checksum, bad_length, fragments, .. } = whole.counts;
    let is_mixed = frames_good > 0 && bad_checksum + bad_length + fragments > 0;
    ensure(!(control && is_mixed), || "the control: a good frame and a damaged one in one stream".into())?;
    check_talk(model, input)
}

/// All at one time: what is due by the clock is another matter.
fn hear<'a>(model: DeviceModel, pieces: impl Iterator<Item = &'a [u8]>) -> Heard {
    let mut driver = device::driver(model, model.period());
    let mut heard = Heard { outcomes: vec![], notices: vec![], counts: Counts::default() };
    for piece in pieces {
        driver.handle_bytes(Uptime::ZERO, piece);
        take(&mut *driver, &mut heard);
    }
    driver.handle_end();
    take(&mut *driver, &mut heard);
    heard
}

fn take(driver: &mut dyn Driver, heard: &mut Heard) {
    heard.outcomes.extend(iter::from_fn(|| driver.poll_reading()));
    heard.notices.extend(iter::from_fn(|| driver.poll_notice()));
    // How many answers wait at most is counted by reads, so these may differ.
    while driver.poll_transmit().is_some() {}
    heard.counts = driver.counts();
}

fn check_counts(heard: &Heard, input: &[u8]) -> Result<(), String> {
    let counts = heard.counts;
    let of = |fault| heard.outcomes.iter().filter(|it| **it == Err(fault)).count() as u64;
    let readings = heard.outcomes.iter().filter(|it| it.is_ok()).count() as u64;
    let told = [readings, of(Fault::BadChecksum), of(Fault::BadLength), of(Fault::Fragment)];
    let counted = [counts.observations, counts.bad_checksum, counts.bad_length, counts.fragments];
    ensure(told == counted, || format!("{counts:?} for {:?}", heard.outcomes))?;
    // No frame is shorter than two bytes, and each byte is in one frame or in none.
    let bytes = input.len() as u64;
    ensure(2 * counts.frames_good + counts.skipped_bytes <= bytes, || {
        format!("{counts:?} of {bytes} bytes")
    })?;
    let out = heard.outcomes.len() + heard.notices.len();
    ensure(out as u64 <= 2 * bytes, || format!("{out} results of {bytes} bytes"))
}

fn check_reading(reading: &Reading) -> Result<(), String> {
    let mut last = None;
    for it in &reading.measurements {
        ensure(last.is_none_or(|last| last < it.vital), || format!("out of order, or twice: {reading:?}"))?;
        last = Some(it.vital);
    }
    Ok(())
}

/// Lets the bytes and time come as they like, and looks up what is said.
fn check_talk(model: DeviceModel, input: &[u8]) -> Result<(), String> {
    let mut chance = Chance::of(input);
    let mut driver = device::driver(model, model.period());
    let mut now = Uptime::from_millis(1000);
    let mut rest = input;
    loop {
        let (piece, later) = rest.split_at(rest.len().min(chance.length()));
        rest = later;
        now = now + Duration::from_millis(chance.below(WAIT_MAX));
        if !piece.is_empty() {
            driver.handle_bytes(now, piece);
        }
        if driver.poll_timeout().is_some_and(|at| at <= now) {
            driver.handle_timeout(now);
            let next = driver.poll_timeout();
            ensure(next.is_none_or(|at| at > now), || format!("due again at {next:?}, now is {now:?}"))?;
        }
        let sent: Vec<Vec<u8>> = iter::from_fn(|| driver.poll_transmit()).collect();
        if let Some(it) = sent.iter().find(|it| !device::permits(model, it)) {
            return Err(format!("sent {it:02X?}"));
        }
        ensure(sent.len() <= UNASKED_MAX + piece.len(), || format!("{} messages at once", sent.len()))?;
        while driver.poll_reading().is_some() || driver.poll_notice().is_some() {}
        if rest.is_empty() {
            return Ok(());
        }
    }
}

fn check_payload(
    parsed: Result<Vec<Payload>, PayloadError>,
    input: &[u8],
    control: bool,
) -> Result<(), String> {
    let Ok(payloads) = parsed else { return Ok(()) };
    let mut times = None;
    for payload in &payloads {
        let reading = &payload.reading;
        ensure(!reading.measurements.is_empty() || !payload.faults.is_empty(), || "an empty payload".into())?;
        check_reading(reading)?;
        let invalid = reading.measurements.iter().filter(|it| it.value.is_err()).map(|it| it.vital);
        let invalid: Vec<Vital> = invalid.collect();
        let told = payload.faults.iter().filter_map(|it| it.vital).all(|it| invalid.contains(&it));
        ensure(told, || format!("a fault of a vital that has a value: {payload:?}"))?;
        let time = reading.device_time.map(vitals::time::DeviceTime::as_millis);
        ensure(times.is_none_or(|last| last <= time), || format!("out of time: {payloads:?}"))?;
        times = Some(time);
        let is_mixed = !payload.faults.is_empty() && reading.measurements.iter().any(|it| it.value.is_ok());
        ensure(!(control && is_mixed), || "the control: a value and a fault in one message".into())?;
    }
    let out: usize = payloads.iter().map(|it| it.reading.measurements.len() + it.faults.len()).sum();
    ensure(out <= input.len(), || format!("{out} results of {} bytes", input.len()))
}

fn mapping() -> Mapping {
    let field = |at: &str, unit: &str| MappedField { at: at.into(), unit: unit.into() };
    let fields = [
        (Vital::Spo2, field("/a", "1")),
        (Vital::PulseRate, field("/b/0", "/min")),
        (Vital::RespRate, field("/b/1", "Hz")),
        (Vital::Etco2, field("/c/d", "kPa")),
        (Vital::Temperature, field("/c/e", "[degF]")),
    ];
    Mapping { time: Some("/t".into()), seq: Some("/n".into()), fields: fields.into() }
}

/// A stream in pieces of these lengths, over and over.
fn split<'a>(input: &'a [u8], pieces: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = input;
    pieces.iter().cycle().map_while(move |piece| {
        let (now, later) = rest.split_at((*piece).min(rest.len()));
        rest = later;
        (!now.is_empty()).then_some(now)
    })
}

fn ensure(holds: bool, else_say: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(else_say()) }
}

/// Chance that an input carries in itself (FNV-1a, then xorshift), so that it says the same for ever.
struct Chance(u64);

impl Chance {
    fn of(input: &[u8]) -> Self {
        let hash = input.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(hash | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }

    fn length(&mut self) -> usize {
        // Short pieces as often as long ones.
        let longest = [4, 20, PIECE_MAX][usize::try_from(self.below(3)).unwrap_or(0)];
        1 + usize::try_from(self.below(longest)).unwrap_or(0)
    }

    fn pieces(&mut self, bytes: usize) -> Vec<usize> {
        (0..bytes.clamp(1, 64)).map(|_| self.length()).collect()
    }
}
