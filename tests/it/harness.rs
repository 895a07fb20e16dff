//! The harness itself: brokers start, die, come back with their data, and a reader sees what was written.

use std::time::Duration;

use anyhow::Result;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use wardline_tests::kafka::Kafka;
use wardline_tests::mosquitto::Mosquitto;
use wardline_tests::patient::Patient;
use wardline_tests::publisher::{Load, Publisher};
use wardline_tests::reader::Reader;

#[test]
fn kafka_comes_back_after_a_kill_with_what_it_acknowledged() -> Result<()> {
    let mut kafka = Kafka::start()?;
    let producer: BaseProducer = kafka.client().set("acks", "all").create()?;
    let topic = "sim.vitals.cursors.v1";
    let body = r#"{"schema":"vitals.cursors.v1","agent":"a","lane":"r","run":"7f3a-1","seq":7}"#;
    producer.send(BaseRecord::to(topic).key("k").payload(body)).map_err(|(error, _)| error)?;
    producer.flush(Duration::from_secs(20))?;
    kafka.kill();
    kafka.restart()?;
    let reader = Reader::open(&kafka, topic)?;
    let record = reader.wait_for("the record", Duration::from_secs(20), |it| it.key == "k")?;
    assert_eq!(record.number("seq"), Some(7));
    Ok(())
}

#[test]
fn mosquitto_takes_a_load_at_the_rate_asked_for() -> Result<()> {
    let broker = Mosquitto::start()?;
    let load = Load {
        beds: vec!["a".into(), "b".into()],
        count: 500,
        rate: Some(500),
        first_seq: 1,
        patient: Patient::Stable,
    };
    let begin = std::time::Instant::now();
    Publisher::start(broker.port(), load).finish(Duration::from_secs(20))?;
    assert!(begin.elapsed() >= Duration::from_millis(900), "faster than asked: {:?}", begin.elapsed());
    Ok(())
}
