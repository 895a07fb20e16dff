//! Stand.
