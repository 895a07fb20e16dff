//! What the bits of displayed values say beside the numbers: apnea, a cuff that measures, asystole, a severe arrhythmia.
//!
//! Document: "Datex-Ohmeda Record Specification" (8005313), status and label fields. A monitor whose apnea alarm is off has bit 2
//! of the CO2 status set all the time, beside bit 8 ("apnea deactivated"): so has the recorded one, while its patient breathes.
//! Asystole has a bit of its own in the ECG's status, which monitors without arrhythmia analysis have too.
//! Of the arrhythmias of the first extension only those are told that the document calls severe: the others depend on
//! what is set on the monitor, which may raise no alarm for them.

use alloc::vec::Vec;

use super::record::{Displayed, i16_at};
use crate::device::alarms::alarm;
use crate::notice::{About, DeviceAlarm};

/// The status of the ECG group: no heart beat is found.
const ECG_STATUS: usize = 4;
const ECG_ASYSTOLE: i16 = 1 << 2;
/// The status of the CO2 group: no CO2, no breath by the ECG's impedance; apnea is deactivated.
const CO2_STATUS: usize = 136;
const APNEA: i16 = 1 << 2 | 1 << 7;
const APNEA_OFF: i16 = 1 << 8;
/// The status and the label of the cuff; it measures.
const CUFF_STATUS: usize = 76;
const CUFF_LABEL: usize = 80;
const MEASURING: i16 = 1 << 5;
/// The status of arrhythmia analysis in the first extension, and what it has found.
const ARRHYTHMIA_STATUS: usize = 4;
const ARRHYTHMIAS: usize = 16;
/// Of every group: the module exists; it measures.
const EXISTS: i16 = 1 << 0;
const ACTIVE: i16 = 1 << 1;

/// No heart beat, whoever found it.
const ASYSTOLE: &str = "ASYSTOLE";
/// The severe arrhythmias, by their bits.
const SEVERE: [(i16, &str); 4] = [
    (1 << 0, ASYSTOLE),
    (1 << 1, "VENTRICULAR FIBRILLATION"),
    (1 << 2, "RAPID VENTRICULAR TACHYCARDIA"),
    (1 << 3, "VENTRICULAR TACHYCARDIA"),
];

/// Whether the monitor says that the patient does not breathe; `None` if it has no module that could.
pub(super) fn apnea(displayed: &Displayed<'_>) -> Option<bool> {
    let status = existing(displayed.basic?, CO2_STATUS)?;
    Some(status & APNEA != 0 && status & APNEA_OFF == 0)
}

/// Whether the cuff measures; `None` if there is none.
pub(super) fn cuff(displayed: &Displayed<'_>) -> Option<bool> {
    let basic = displayed.basic?;
    existing(basic, CUFF_STATUS)?;
    Some(i16_at(basic, CUFF_LABEL)? & MEASURING != 0)
}

/// The severe arrhythmias that the monitor finds, each once; `None` if it looks for none.
pub(super) fn arrhythmias(displayed: &Displayed<'_>) -> Option<Vec<DeviceAlarm>> {
    let by_ecg = displayed.basic.and_then(|it| existing(it, ECG_STATUS)).filter(|it| it & ACTIVE != 0);
    let by_analysis = displayed
        .ext1
        .filter(|it| existing(it, ARRHYTHMIA_STATUS).is_some())
        .and_then(|it| i16_at(it, ARRHYTHMIAS));
    if by_ecg.is_none() && by_analysis.is_none() {
        return None;
    }
    let stands = by_ecg.is_some_and(|status| status & ECG_ASYSTOLE != 0);
    let found = by_analysis.unwrap_or(0);
    let severe = SEVERE.iter().filter(|(bit, code)| found & bit != 0 || stands && *code == ASYSTOLE);
    Some(severe.filter_map(|(_, code)| alarm(code, About::Patient, None)).collect())
}

/// The low half of a group's status, if its module exists.
fn existing(subrecord: &[u8], status: usize) -> Option<i16> {
    i16_at(subrecord, status).filter(|it| it & EXISTS != 0)
}
