//! The clinician's file: what is shipped, what is understood, what is refused and where.

use std::time::Duration;

use vitals::alarm::event::Priority;
use vitals::quantity::Quantity;

use super::*;

const SHIPPED: &str = include_str!("../../../../config/alarms.toml");

const SMALL: &str = r#"
version = 1
[profile.adult.spo2]
hysteresis = 1
worse_by = 3
low = { limit = 90, delay = "15s", extreme = 80, extreme_delay = "5s" }
high = "off"
"#;

fn rule(file: &AlarmsFile, profile: &str, vital: Vital, direction: Direction) -> Option<LimitRule> {
    file.policy(profile, None).unwrap().rules.remove(&(vital, direction))
}

#[test]
fn the_shipped_file_is_right_and_complete() {
    let file = parse(SHIPPED).unwrap();
    assert_eq!(file.profiles().collect::<Vec<_>>(), ["adolescent", "adult", "child", "infant", "neonatal"]);
    for profile in PROFILES {
        let policy = file.policy(profile, None).unwrap();
        for vital in [Vital::HeartRate, Vital::PulseRate, Vital::Spo2, Vital::RespRate] {
            assert!(policy.rules.contains_key(&(vital, Direction::Low)), "{profile} {vital:?}");
        }
    }
    assert!(file.overrides.is_empty(), "the shipped file is about no patient");
}

#[test]
fn levels_take_their_priorities_from_the_defaults() {
    let file = parse(SMALL).unwrap();
    let rule = rule(&file, "adult", Vital::Spo2, Direction::Low).unwrap();
    let extreme = rule.extreme.clone().unwrap();
    assert_eq!((rule.limit.limit, rule.limit.delay), (Quantity::from_whole(90), Duration::from_secs(15)));
    assert_eq!((rule.limit.priority, rule.limit.latch), (Priority::Medium, false));
    assert_eq!((extreme.priority, extreme.latch), (Priority::High, true));
    assert_eq!((rule.hysteresis, rule.clear_delay), (Quantity::from_whole(1), Duration::from_secs(5)));
    assert_eq!(super::super::alarms::parse(SMALL).unwrap().hash.len(), 32);
    assert!(file.policy("adult", None).unwrap().rules.len() == 1, "high is off");
}

#[test]
fn same_as_takes_the_limits_of_another_vital_and_not_its_place() {
    let file = parse(SHIPPED).unwrap();
    let rate = rule(&file, "adult", Vital::HeartRate, Direction::High).unwrap();
    let pulse = rule(&file, "adult", Vital::PulseRate, Direction::High).unwrap();
    assert_eq!(pulse, LimitRule { fallback_for: Some(Vital::HeartRate), ..rate });
}

#[test]
fn an_override_holds_for_its_bed_and_stay_alone_and_keeps_what_it_does_not_say() {
    let text = [
        SMALL,
        r#"
[[override]]
bed = "icu-3-07"
stay = "s-4f2a"
reason = "COPD, target 88-92"
by = "dr-17"
spo2.low  = { limit = 86, extreme = 78 }
spo2.high = { limit = 94, delay = "60s", priority = "low" }
"#,
    ]
    .concat();
    let file = parse(&text).unwrap();
    let bed = Name::parse("icu-3-07").unwrap();
    let policy = file.policy("adult", Some(&bed)).unwrap();
    assert_eq!(policy.rules, file.policy("adult", None).unwrap().rules, "who lies there is not known");
    let stay = |token| policy.in_stay(Some(&Name::parse(token).unwrap())).rules;
    assert_eq!(stay("s-5"), policy.rules, "another patient");
    let rules = stay("s-4f2a");
    let low = &rules[&(Vital::Spo2, Direction::Low)];
    assert_eq!((low.limit.limit, low.limit.delay), (Quantity::from_whole(86), Duration::from_secs(15)));
    assert_eq!(rules[&(Vital::Spo2, Direction::High)].limit.priority, Priority::Low);
    let other = Name::parse("icu-3-08").unwrap();
    assert_eq!(file.policy("adult", Some(&other)), file.policy("adult", None));
    assert_ne!(file.hash, parse(SMALL).unwrap().hash);
    assert_ne!(file.hash, parse(&text.replace("s-4f2a", "s-5")).unwrap().hash);
}

#[test]
fn a_bed_may_have_an_override_for_each_stay_and_one_alone() {
    let of = |stay: &str, limit: u8| {
        format!(
            "[[override]]\nbed = \"b\"\nstay = \"{stay}\"\nreason = \"r\"\nby = \"d\"\nspo2.low.limit = {limit}\n"
        )
    };
    let text = [SMALL, &of("s-1", 86), &of("s-2", 88)].concat();
    let policy = parse(&text).unwrap().policy("adult", Some(&Name::parse("b").unwrap())).unwrap();
    let limit = |stay| {
        let policy = policy.in_stay(Some(&Name::parse(stay).unwrap()));
        policy.rules[&(Vital::Spo2, Direction::Low)].limit.limit
    };
    assert_eq!((limit("s-1"), limit("s-2")), (Quantity::from_whole(86), Quantity::from_whole(88)));
    let mistakes = parse(&[SMALL, &of("s-1", 86), &of("s-1", 88)].concat()).unwrap_err();
    assert_eq!(mistakes[0].what, "bed b has two overrides for one stay");
}

#[test]
fn the_hash_is_of_the_meaning() {
    let reordered = SMALL.replace("hysteresis = 1\nworse_by = 3", "worse_by = 3.0  # points\nhysteresis = 1");
    assert_eq!(parse(SMALL).unwrap().hash, parse(&reordered).unwrap().hash);
    let changed = SMALL.replace("limit = 90", "limit = 89");
    assert_ne!(parse(SMALL).unwrap().hash, parse(&changed).unwrap().hash);
}

#[test]
fn each_mistake_is_told_where_it_stands() {
    for (wrong, right, what) in [
        ("limit = 90", "limit = 101", "limit 101 of spo2 is outside what is plausible"),
        ("extreme = 80", "extreme = 90", "extreme 90 of spo2 low lies inside its limit"),
        ("\"15s\"", "\"15\"", "delay is not a duration of at most 24 hours"),
        ("\"15s\"", "15", "delay is not a duration of at most 24 hours"),
        ("hysteresis = 1", "hysteresis = nan", "hysteresis is a value of type float: not a decimal number"),
        ("hysteresis = 1", "hysteresis = -1", "hysteresis is negative"),
        (
            "hysteresis = 1",
            "hysteresis = 20",
            "hysteresis 20 of spo2 leaves no value at which an alarm can clear",
        ),
        ("worse_by", "worse", "[profile.adult.spo2] has no key \"worse\""),
        ("\"off\"", "\"of\"", "high is neither \"off\" nor a table"),
        ("\"off\"", "{ limit = 85 }", "spo2: low limit 90 is not below high limit 85"),
        ("\"off\"", "{ delay = \"5s\" }", "spo2 high has no limit"),
        (
            "\"off\"",
            "{ limit = 98, extreme_delay = \"5s\" }",
            "this belongs to an extreme, and there is none",
        ),
        ("adult", "adlut", "there is no profile \"adlut\""),
        ("adult.spo2", "adult.sp02", "there is no vital \"sp02\""),
        ("version = 1", "version = 2", "version 2 is not known"),
        ("version = 1", "", "the version of the file's shape is missing"),
        (
            "high = \"off\"",
            "same_as = \"heart_rate\"",
            "same_as names heart_rate, which has no limits of its own here",
        ),
        (
            "high = \"off\"",
            "[[override]]\nbed = \"b\"\nreason = \"r\"\nby = \"d\"",
            "stay is missing in override",
        ),
        ("high = \"off\"", "high = ", "not TOML: string values must be quoted, expected literal string"),
    ] {
        let text = SMALL.replace(wrong, right);
        let mistakes = parse(&text).unwrap_err();
        let told: Vec<&str> = mistakes.iter().map(|it| it.what.as_str()).collect();
        assert!(told.contains(&what), "{right}: {told:?}");
        assert!(mistakes.iter().all(|it| it.span.end <= text.len() && text.is_char_boundary(it.span.start)));
    }
}

#[test]
fn all_mistakes_are_told_in_one_run_in_the_order_of_the_file() {
    let text =
        SMALL.replace("hysteresis", "hystersis").replace("\"15s\"", "\"soon\"").replace("\"off\"", "7");
    let mistakes = parse(&text).unwrap_err();
    let places: Vec<&str> = mistakes.iter().map(|it| &text[it.span.clone()]).collect();
    assert_eq!(places, ["hystersis", "\"soon\"", "7"]);
}

#[test]
fn a_delay_for_a_cuff_is_refused() {
    let text = "version = 1\n[profile.adult.nibp_systolic]\nlow = { limit = 90, delay = \"5s\" }";
    assert_eq!(parse(text).unwrap_err()[0].what, "nibp_systolic is measured now and then: it has no delay");
}

#[test]
fn apnea_is_a_rule_of_each_respiratory_rate_and_falls_back_with_it() {
    let text = format!(
        "{SMALL}\n[profile.adult.resp_rate]\nlow = {{ limit = 8, delay = \"15s\" }}\napnea = \"20s\"
         [profile.adult.resp_rate_impedance]\nsame_as = \"resp_rate\"\nfallback_for = \"resp_rate\"\n"
    );
    let apnea = parse(&text).unwrap().policy("adult", None).unwrap().apnea;
    assert_eq!(apnea[&Vital::RespRate].time, Duration::from_secs(20));
    assert_eq!(apnea[&Vital::RespRateImpedance].fallback_for, Some(Vital::RespRate));
    let mistakes = parse(&text.replace("\"20s\"", "\"2m\"")).unwrap_err();
    assert!(mistakes[0].what.starts_with("no device tells apnea"), "{mistakes:?}");
    let wrong = text.replace("resp_rate]\nlow = { limit = 8", "temperature]\nlow = { limit = 35");
    let mistakes = parse(&wrong).unwrap_err();
    assert!(mistakes.iter().any(|it| it.what == "apnea cannot be seen in temperature"), "{mistakes:?}");
    let shipped = parse(SHIPPED).unwrap();
    for profile in PROFILES {
        assert_eq!(shipped.policy(profile, None).unwrap().apnea.len(), 3, "{profile}");
    }
}

#[test]
fn news2_is_off_unless_said_and_of_adults_alone() {
    let scores = |text: &str, profile: &str| parse(text).unwrap().policy(profile, None).unwrap().scores();
    assert!(!scores(SHIPPED, "adult"));
    let on = SHIPPED.replace("enabled = false", "enabled = true");
    assert!(scores(&on, "adult") && !scores(&on, "child"));
    assert_ne!(parse(SHIPPED).unwrap().hash, parse(&on).unwrap().hash);
}
