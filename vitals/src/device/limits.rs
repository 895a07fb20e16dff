//! The alarm limits that somebody has set on the device itself, at the bedside: told, and never judged by.

use alloc::vec::Vec;

use crate::quantity::Quantity;
use crate::vital::Vital;

/// The limits of a device, in the order in which it tells them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BedsideLimits(pub Vec<BedsideLimit>);

/// Below and above which the device itself raises an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BedsideLimit {
    /// Of what.
    pub vital: Vital,
    /// The low limit, in the vital's unit; `None`: there is none.
    pub low: Option<Quantity>,
    /// The high limit, in the vital's unit; `None`: there is none.
    pub high: Option<Quantity>,
}
