//! Which devices stand in a ward, and how each of them is connected.

use std::fmt;

use vitals::device::DeviceModel;

/// The models beside beds that are not on topics, in the order in which beds get them, unless others are asked for.
pub const SERIAL: [DeviceModel; 5] = [
    DeviceModel::NoninDf7,
    DeviceModel::MasimoAscii1,
    DeviceModel::GeS5Dri,
    DeviceModel::NoninDf8,
    DeviceModel::NoninDf2,
];

/// How a device is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A serial line with this model.
    Serial(DeviceModel),
    /// A connection that this model takes, or a serial device server before it.
    Tcp(DeviceModel),
    /// Datagrams to and from this model.
    Udp(DeviceModel),
    /// Messages on a topic.
    Mqtt,
}

impl Way {
    /// The way to a model: those of a network have their own, any other has a line or, `served`, a device server.
    const fn to(model: DeviceModel, served: bool) -> Self {
        if model.is_in_datagrams() {
            Self::Udp(model)
        } else if served || is_of_network(model) {
            Self::Tcp(model)
        } else {
            Self::Serial(model)
        }
    }

    /// The model of a device that speaks its own format.
    #[must_use]
    pub const fn model(self) -> Option<DeviceModel> {
        match self {
            Self::Serial(model) | Self::Tcp(model) | Self::Udp(model) => Some(model),
            Self::Mqtt => None,
        }
    }

    /// Whether such a device says the same sixty times a second.
    #[must_use]
    pub fn repeats_itself(self) -> bool {
        self.model().is_some_and(DeviceModel::repeats_itself)
    }

    /// How often such a device speaks, ms, where three times that is more than the five seconds after which any other is
    /// silent.
    #[must_use]
    pub fn every_ms(self) -> Option<i64> {
        let every = i64::try_from(self.model()?.period().as_millis()).ok()?;
        Some(every).filter(|it| 3 * it > 5000)
    }

    /// The device's name in records.
    #[must_use]
    pub const fn device(self) -> &'static str {
        match self.model() {
            Some(model) => model.name(),
            None => "wardline",
        }
    }
}

/// Whether a model has no serial line at all.
pub(crate) const fn is_of_network(model: DeviceModel) -> bool {
    model.is_in_datagrams() || matches!(model, DeviceModel::MindrayPds)
}

/// Which ways there are in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Ways {
    /// Every bed on a line of its own.
    Serial,
    /// Every bed behind a serial device server.
    Tcp,
    /// Every bed over MQTT.
    Mqtt,
    /// Odd beds on lines, even beds over MQTT.
    Both,
}

/// The devices of a ward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    ways: Ways,
    models: Vec<DeviceModel>,
}

impl Fleet {
    /// With these models in turn beside the beds that are not on topics; none: those of [`SERIAL`].
    #[must_use]
    pub fn new(ways: Ways, models: &[DeviceModel]) -> Self {
        let models = if models.is_empty() { &SERIAL } else { models };
        Self { ways, models: models.to_vec() }
    }

    /// The way of the bed of that index, from 0.
    #[must_use]
    pub fn way(&self, bed: u64) -> Way {
        let line = |index: u64| {
            let place = usize::try_from(index).unwrap_or(0).checked_rem(self.models.len()).unwrap_or(0);
            let model = self.models.get(place).copied().unwrap_or(DeviceModel::NoninDf7);
            Way::to(model, self.ways == Ways::Tcp)
        };
        match self.ways {
            Ways::Serial | Ways::Tcp => line(bed),
            Ways::Both if bed % 2 == 0 => line(bed / 2),
            Ways::Mqtt | Ways::Both => Way::Mqtt,
        }
    }
}

/// Models, as a command line names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Models(Vec<DeviceModel>);

impl Models {
    /// Names between commas, or `all`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let all = Self(DeviceModel::ALL.to_vec());
        if text == "all" {
            return Ok(all);
        }
        let known = |name: &str| {
            DeviceModel::from_name(name)
                .ok_or_else(|| format!("{name} is no model: write all, or some of {all}"))
        };
        text.split(',').map(known).collect::<Result<_, _>>().map(Self)
    }

    /// The models, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[DeviceModel] {
        &self.0
    }
}

impl fmt::Display for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|it| it.name()).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_or_all() {
        let some = Models::parse("ge-s5-dri,nonin-df8").unwrap();
        assert_eq!(some.as_slice(), [DeviceModel::GeS5Dri, DeviceModel::NoninDf8]);
        let all = Models::parse("all").unwrap();
        assert_eq!(Models::parse(&all.to_string()).unwrap(), all);
        assert!(SERIAL.iter().all(|it| all.as_slice().contains(it)));
        for wrong in ["", "nonin", "ge-s5-dri,", "nonin-df7, ge-s5-dri", "all,ge-s5-dri"] {
            let words = Models::parse(wrong).unwrap_err();
            assert!(words.contains("ge-s5-dri"), "{words}");
        }
    }

    #[test]
    fn each_model_has_its_way_and_beds_get_them_in_turn() {
        let models = [DeviceModel::GeS5Dri, DeviceModel::MindrayPds, DeviceModel::IntellivueLan];
        let [serial, tcp, udp] = models;
        let ways = |ways| [0, 1, 2, 3].map(|bed| Fleet::new(ways, &models).way(bed));
        assert_eq!(
            ways(Ways::Serial),
            [Way::Serial(serial), Way::Tcp(tcp), Way::Udp(udp), Way::Serial(serial)]
        );
        assert_eq!(ways(Ways::Tcp), [Way::Tcp(serial), Way::Tcp(tcp), Way::Udp(udp), Way::Tcp(serial)]);
        assert_eq!(ways(Ways::Both), [Way::Serial(serial), Way::Mqtt, Way::Tcp(tcp), Way::Mqtt]);
        assert_eq!(ways(Ways::Mqtt), [Way::Mqtt; 4]);
        assert_eq!(Fleet::new(Ways::Serial, &[]).way(4), Way::Serial(DeviceModel::NoninDf2));
    }
}
