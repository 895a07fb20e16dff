//! Every key of `wardline.toml`: the one list that the reader, the shipped file and the tests go by.

/// A key that may be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The table it stands in; `[[bed]]` and `[mqtt.NAME]` as `bed` and `mqtt`.
    pub section: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What holds if it is not said, as it would be written; `None` where there is no default.
    pub default: Option<&'static str>,
}

const fn key(section: &'static str, name: &'static str, default: &'static str) -> Key {
    Key { section, name, default: if default.is_empty() { None } else { Some(default) } }
}

/// All keys.
pub const KEYS: &[Key] = &[
    key("agent", "id", ""),
    key("agent", "state_dir", "\"/var/lib/wardline\""),
    key("agent", "run_dir", "\"/run/wardline\""),
    key("agent", "http", "\"127.0.0.1:9643\""),
    key("agent", "shutdown_grace", "\"10s\""),
    key("unit", "id", ""),
    key("unit", "label", ""),
    key("unit", "profile", ""),
    key("unit", "stations", "true"),
    key("unit", "receipts", "false"),
    key("unit", "test_alarm_every", "\"off\""),
    key("unit", "alarms_file", "\"alarms.toml\""),
    key("kafka", "brokers", ""),
    key("kafka", "security", "\"ssl\""),
    key("kafka", "mechanism", "\"SCRAM-SHA-512\""),
    key("kafka", "user", ""),
    key("kafka", "password_file", ""),
    key("kafka", "password_credential", ""),
    key("kafka", "ca_file", ""),
    key("kafka", "client_cert", ""),
    key("kafka", "client_key", ""),
    key("kafka", "insecure", "false"),
    key("kafka", "answer_timeout", "\"9s\""),
    key("kafka", "cluster_id", ""),
    key("kafka", "delivery", "\"exactly-once\""),
    key("kafka", "properties", ""),
    key("mqtt", "url", ""),
    key("mqtt", "version", "\"5\""),
    key("mqtt", "client_id", ""),
    key("mqtt", "session_expiry", "\"24h\""),
    key("mqtt", "user", ""),
    key("mqtt", "password_file", ""),
    key("mqtt", "password_credential", ""),
    key("mqtt", "ca_file", ""),
    key("mqtt", "client_cert", ""),
    key("mqtt", "client_key", ""),
    key("mqtt", "insecure", "false"),
    key("buffer", "size", "\"2GiB\""),
    key("buffer", "when_full", "\"drop_oldest_readings\""),
    key("buffer", "commit_every", "\"200ms\""),
    key("bed", "id", ""),
    key("bed", "label", ""),
    key("bed", "profile", ""),
    key("bed", "prefer", ""),
    key("source", "id", ""),
    key("source", "bed", ""),
    key("source", "device", ""),
    key("source", "port", ""),
    key("source", "tcp", ""),
    key("source", "udp", ""),
    key("source", "line", ""),
    key("source", "mqtt", ""),
    key("source", "topic", ""),
    key("source", "format", ""),
    key("source", "period", ""),
    key("source", "critical", "false"),
    key("source", "nibp_interval", ""),
    key("source", "same_limb", "false"),
    key("source", "mode", "\"live\""),
    key("source", "time", ""),
    key("source", "seq", ""),
    key("source", "fields", ""),
    key("annunciator", "kind", ""),
    key("annunciator", "mqtt", ""),
    key("annunciator", "topic", ""),
    key("annunciator", "command", ""),
    key("annunciator", "priorities", "[\"high\", \"medium\"]"),
    key("annunciator", "chip", ""),
    key("annunciator", "lamp", ""),
    key("annunciator", "lamp_high", ""),
    key("annunciator", "lamp_medium", ""),
    key("annunciator", "lamp_low", ""),
    key("annunciator", "buzzer", ""),
    key("annunciator", "heartbeat", ""),
    key("annunciator", "active_low", "false"),
    key("annunciator", "beds", ""),
    key("actions", "from_kafka", "true"),
    key("actions", "from_local_mqtt", "[]"),
    key("actions", "mqtt", ""),
    key("actions", "topic", ""),
];

/// The names of a section's keys.
#[must_use]
pub fn names(section: &str) -> Vec<&'static str> {
    KEYS.iter().filter(|it| it.section == section).map(|it| it.name).collect()
}

/// The text of a key's default.
#[must_use]
pub fn default(section: &str, name: &str) -> &'static str {
    let found = KEYS.iter().find(|it| it.section == section && it.name == name).and_then(|it| it.default);
    found.map_or("", |it| it.trim_matches('"'))
}
