//! The command line of what operators do: a subcommand for each thing, and who does it.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use vitals::alarm::action::Role;
use vitals::quantity::Quantity;

use super::{KafkaArgs, OptionsError};
use crate::act::{Actor, Deed, Errand};
use crate::feed::FeedOptions;

/// What may be done to a bed's alarms.
#[derive(Debug, Subcommand)]
pub enum ActCommand {
    /// Acknowledges an alarm: "I have seen it". Without --alarm: all of the bed that are on.
    Ack(OneArgs),
    /// Lets the signal of a latched or indeterminate alarm go. Without --alarm: all of the bed that can be reset.
    Reset(OneArgs),
    /// Pauses the sound of the alarms that are on now (at most 2 minutes), or with --alarms all signals of the patient's
    /// alarms but the extreme (at most 3 minutes).
    Pause(PauseArgs),
    /// Switches off, for at most 8 hours, a rule (--rule) or the sound of all but high alarms (--sound).
    Off(OffArgs),
    /// Takes the bed out of evaluation until `resume`, or until there have been signs of life for 2 minutes. Needs --reason.
    Standby(ActorArgs),
    /// Evaluates the bed again.
    Resume(ActorArgs),
    /// The patient has gone for good: standby, and nothing of the stay is kept. Needs --reason.
    Discharge(ActorArgs),
    /// A patient has come to the bed.
    Admit(AdmitArgs),
    /// The patient goes to another bed: is admitted there, and then discharged here. Nothing but the stay goes along.
    Transfer(TransferArgs),
    /// Enters what only a person sees, for NEWS2.
    Observe(ObserveArgs),
    /// Changes the limits of a rule for this stay. Needs --reason.
    Limit(LimitArgs),
}

/// Who, where, and in which Kafka.
#[derive(Debug, Args)]
pub struct ActorArgs {
    #[command(flatten)]
    kafka: KafkaArgs,
    /// The bed, by its id.
    #[arg(long)]
    bed: String,
    /// Who does it: an opaque name, never a patient's.
    #[arg(long, value_name = "WHO")]
    by: String,
    /// In which role.
    #[arg(long, value_enum, default_value_t = RoleArg::Nurse)]
    role: RoleArg,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    /// From where; default: the name of this machine.
    #[arg(long)]
    workstation: Option<String>,
    /// One JSON object a line instead of words.
    #[arg(long)]
    json: bool,
}

/// One alarm, or all.
#[derive(Debug, Args)]
pub struct OneArgs {
    #[command(flatten)]
    actor: ActorArgs,
    /// Its code (spo2_low) or its id.
    #[arg(long, value_name = "CODE|ID")]
    alarm: Option<String>,
}

/// A pause.
#[derive(Debug, Args)]
pub struct PauseArgs {
    #[command(flatten)]
    actor: ActorArgs,
    /// How long: 90s, 2m; 0s ends it.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    duration: Duration,
    /// Light and sound of all the patient's alarms but the extreme.
    #[arg(long)]
    alarms: bool,
}

/// What is switched off.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["rule", "sound"]))]
pub struct OffArgs {
    #[command(flatten)]
    actor: ActorArgs,
    /// How long: 30m, 8h; 0s ends it.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    duration: Duration,
    /// The rule, by its code (spo2_low).
    #[arg(long, value_name = "CODE")]
    rule: Option<String>,
    /// The sound of every alarm but those of high priority.
    #[arg(long)]
    sound: bool,
    /// The rule's extreme limit too; for physicians.
    #[arg(long, requires = "rule", conflicts_with = "sound")]
    include_extreme: bool,
}

/// Who comes.
#[derive(Debug, Args)]
pub struct AdmitArgs {
    #[command(flatten)]
    actor: ActorArgs,
    /// A token that stands for the stay: never a name, a number or a birth date of the patient.
    #[arg(long, value_name = "TOKEN")]
    stay: String,
}

/// Where to.
#[derive(Debug, Args)]
pub struct TransferArgs {
    #[command(flatten)]
    actor: ActorArgs,
    /// The other bed, by its id; of this agent or of another.
    #[arg(long, value_name = "BED")]
    to: String,
}

/// What was seen.
#[derive(Debug, Args)]
pub struct ObserveArgs {
    #[command(flatten)]
    actor: ActorArgs,
    /// consciousness=A (or C, V, P, U), oxygen=air (or oxygen), scale=2, pregnant=yes.
    #[arg(value_name = "NAME=VALUE", value_parser = observed)]
    observed: (String, String),
}

/// Other limits.
#[derive(Debug, Args)]
pub struct LimitArgs {
    #[command(flatten)]
    actor: ActorArgs,
    /// The rule, by its code (spo2_low).
    #[arg(long, value_name = "CODE")]
    rule: String,
    /// The new alarm limit.
    #[arg(long, value_name = "NUMBER", value_parser = quantity, allow_negative_numbers = true)]
    limit: Quantity,
    /// The new limit further out; as the file says, where not said.
    #[arg(long, value_name = "NUMBER", value_parser = quantity, allow_negative_numbers = true)]
    extreme: Option<Quantity>,
}

/// A role, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Cares for the patient.
    Nurse,
    /// Decides of the patient.
    Physician,
    /// Cares for the equipment.
    Technician,
}

/// What is to be done, understood.
#[derive(Debug)]
pub struct Act {
    /// Where.
    pub feed: FeedOptions,
    /// The bed.
    pub bed: String,
    /// Who.
    pub actor: Actor,
    /// What.
    pub errand: Errand,
    /// JSON instead of words.
    pub json: bool,
}

impl Act {
    /// What the command line asks for; `machine` is the name of this machine.
    pub fn new(command: ActCommand, machine: &str) -> Result<Self, OptionsError> {
        let (args, errand) = match command {
            ActCommand::Ack(it) => (it.actor, Deed::Acknowledge(it.alarm).into()),
            ActCommand::Reset(it) => (it.actor, Deed::Reset(it.alarm).into()),
            ActCommand::Pause(it) if it.alarms => (it.actor, Deed::AlarmPaused(it.duration).into()),
            ActCommand::Pause(it) => (it.actor, Deed::AudioPaused(it.duration).into()),
            ActCommand::Off(OffArgs { actor, duration, rule: Some(rule), include_extreme, .. }) => {
                (actor, Deed::AlarmOff { rule, duration, include_extreme }.into())
            }
            ActCommand::Off(it) => (it.actor, Deed::AudioOff(it.duration).into()),
            ActCommand::Standby(it) => (it, Deed::Standby.into()),
            ActCommand::Resume(it) => (it, Deed::Resume.into()),
            ActCommand::Discharge(it) => (it, Deed::Discharge.into()),
            ActCommand::Admit(it) => (it.actor, Deed::Admit(it.stay).into()),
            ActCommand::Transfer(it) => (it.actor, Errand::Transfer(it.to)),
            ActCommand::Observe(it) => {
                let (name, value) = it.observed;
                (it.actor, Deed::Observe { name, value }.into())
            }
            ActCommand::Limit(it) => {
                (it.actor, Deed::Limits { rule: it.rule, limit: it.limit, extreme: it.extreme }.into())
            }
        };
        let role = match args.role {
            RoleArg::Nurse => Role::Nurse,
            RoleArg::Physician => Role::Physician,
            RoleArg::Technician => Role::Technician,
        };
        let workstation = args.workstation.unwrap_or_else(|| machine.into());
        let actor = Actor { by: args.by, role, reason: args.reason, workstation };
        Ok(Self { feed: args.kafka.try_into()?, bed: args.bed, actor, errand, json: args.json })
    }
}

/// Whole hours, minutes or seconds: `8h`, `2m`, `90s`.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.len().saturating_sub(1);
    let seconds = text.split_at_checked(split).and_then(|(number, unit)| {
        let of_unit: u64 = match unit {
            "h" => 3600,
            "m" => 60,
            "s" => 1,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(of_unit)
    });
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "it must be a number and h, m or s, as in 90s or 2m".into())
}

fn observed(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.into(), value.into())),
        _ => Err("it must be NAME=VALUE, as in consciousness=A".into()),
    }
}

fn quantity(text: &str) -> Result<Quantity, String> {
    Quantity::parse(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Command, Options};
    use clap::Parser;

    fn errand(line: &str) -> Result<Errand, String> {
        let arguments = format!("wardline-station {line} --brokers k:9092 --bed icu-3-07 --by anna");
        let options = Options::try_parse_from(arguments.split(' ')).map_err(|it| it.to_string())?;
        let Command::Act(command) = options.command else { unreachable!() };
        Act::new(command, "desk-1").map(|it| it.errand).map_err(|it| it.to_string())
    }

    #[test]
    fn each_line_asks_for_one_thing() {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let off = |include_extreme| Deed::AlarmOff {
            rule: "spo2_low".into(),
            duration: minutes(480),
            include_extreme,
        };
        for (line, expected) in [
            ("ack", Deed::Acknowledge(None)),
            ("ack --alarm spo2_low", Deed::Acknowledge(Some("spo2_low".into()))),
            ("reset", Deed::Reset(None)),
            ("pause --for 2m", Deed::AudioPaused(minutes(2))),
            ("pause --alarms --for 0s", Deed::AlarmPaused(minutes(0))),
            ("off --rule spo2_low --for 8h", off(false)),
            ("off --rule spo2_low --include-extreme --for 8h", off(true)),
            ("off --sound --for 30m", Deed::AudioOff(minutes(30))),
            ("standby --reason scan", Deed::Standby),
            ("resume", Deed::Resume),
            ("discharge --reason home", Deed::Discharge),
            ("admit --stay s-1", Deed::Admit("s-1".into())),
            ("observe consciousness=A", Deed::Observe { name: "consciousness".into(), value: "A".into() }),
            (
                "limit --rule temperature_low --limit -0.5",
                Deed::Limits {
                    rule: "temperature_low".into(),
                    limit: Quantity::from_thousandths(-500),
                    extreme: None,
                },
            ),
        ] {
            assert_eq!(errand(line), Ok(expected.into()), "{line}");
        }
        let transfer = Errand::Transfer("icu-3-08".into());
        assert_eq!(errand("transfer --to icu-3-08"), Ok(transfer));
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        for line in [
            "pause",
            "pause --for 2",
            "pause --for -2m",
            "off --for 2m",
            "off --sound --rule spo2_low --for 2m",
            "off --sound --include-extreme --for 2m",
            "ack --role doctor",
            "transfer",
        ] {
            assert!(errand(line).is_err(), "{line}");
        }
        assert!(
            Options::try_parse_from(["wardline-station", "ack", "--brokers", "k", "--bed", "b"]).is_err(),
            "nobody"
        );
    }
}
