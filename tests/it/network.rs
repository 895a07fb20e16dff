//! Devices over the network: a monitor that serves TCP, and one that is asked in datagrams.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use anyhow::{Result, ensure};
use wardline_tests::agent::Agent;
use wardline_tests::kafka::Kafka;
use wardline_tests::program;
use wardline_tests::reader::Reader;
use wardline_tests::site::Site;

use crate::way::{of, vital};

const SOON: Duration = Duration::from_secs(20);

fn capture(name: &str) -> Result<Vec<u8>> {
    Ok(fs::read(program::repository().join("tests/captures/authored").join(name))?)
}

#[test]
fn monitors_on_the_network_are_read() -> Result<()> {
    let kafka = Kafka::shared()?;
    let (mindray, philips) = (TcpListener::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
    philips.set_read_timeout(Some(SOON))?;
    let site = Site::new("network")?.kafka(&kafka.bootstrap()).beds(["network-1", "network-2"]).toml(&format!(
        "[[source]]\nid = \"mindray\"\nbed = \"network-1\"\ndevice = \"mindray-pds\"\ntcp = \"{}\"\nmode = \"simulated\"\n\
         [[source]]\nid = \"philips\"\nbed = \"network-2\"\ndevice = \"intellivue-lan\"\nudp = \"{}\"\nmode = \"simulated\"\n",
        mindray.local_addr()?,
        philips.local_addr()?,
    ));
    let _agent = Agent::start(&site)?;
    let (mut monitor, _) = mindray.accept()?;
    monitor.write_all(&capture("mindray-pds.raw")?)?;
    let mut request = [0; 1500];
    let (count, agent) = philips.recv_from(&mut request)?;
    ensure!(
        request[..count].starts_with(&[0x0D]),
        "no request for an association: {:02x?}",
        &request[..count]
    );
    let all = capture("intellivue-lan.raw")?;
    philips.send_to(&all[..8 + usize::from(all[7])], agent)?;

    for (source, rate) in [("mindray", 60), ("philips", 60)] {
        // From the beginning: either may have come first.
        let readings = Reader::open(kafka, "sim.vitals.readings.v1")?;
        let is = |it: &_| of(it, &site) && it.text("source") == source && vital(it, "pulse_rate").is_ok();
        let record = readings.wait_for(&format!("a reading of {source}"), SOON, is)?;
        let found = vital(&record, "pulse_rate")?["value"].as_i64();
        ensure!(found == Some(rate), "{source}: {found:?}");
    }
    Ok(())
}
