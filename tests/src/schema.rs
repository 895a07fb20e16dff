//! The published JSON Schemas of `docs/schemas`, and whether a record keeps to its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use jsonschema::{Registry, Validator};
use serde_json::Value;

/// What stands before the topic's name in the name of its schema.
const URN: &str = "urn:wardline:schema:";

/// The schema of every record type, by topic.
pub struct Schemas {
    validators: BTreeMap<String, Validator>,
}

impl Schemas {
    /// Those of the repository, as a consumer gets them.
    pub fn published() -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas");
        let mut schemas = BTreeMap::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
            let path = entry?.path();
            let topic = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let schema: Value = serde_json::from_slice(&fs::read(&path)?)?;
            schemas.insert(topic, schema);
        }
        let mut registry = Registry::new();
        for (topic, schema) in &schemas {
            registry = registry.add(format!("{URN}{topic}"), schema)?;
        }
        let registry = registry.prepare()?;
        let mut validators = BTreeMap::new();
        for (topic, schema) in &schemas {
            let validator = jsonschema::options().with_registry(&registry).build(schema);
            validators.insert(topic.clone(), validator.map_err(jsonschema::ValidationError::to_owned)?);
        }
        Ok(Self { validators })
    }

    /// The topics that have one.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.validators.keys().map(String::as_str)
    }

    /// Fails with every place where a record does not keep to its topic's schema; `sim.` before it does not matter.
    pub fn check(&self, topic: &str, record: &Value) -> Result<()> {
        let topic = topic.strip_prefix("sim.").unwrap_or(topic);
        let schema = self.validators.get(topic).with_context(|| format!("{topic} has no schema"))?;
        let found: Vec<String> =
            schema.iter_errors(record).map(|it| format!("{}: {it}", it.instance_path())).collect();
        if found.is_empty() { Ok(()) } else { bail!("{topic}: {}: {record}", found.join("; ")) }
    }
}
