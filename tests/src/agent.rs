//! The agent under test: the real program, started, asked, stopped and killed.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::ExitStatus;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::process::{self, Process};
use crate::site::Site;
use crate::{program, wait};

/// Time until it watches its beds: P6 promises 2 s; a machine that also runs Kafka and a compiler is given more.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// A dead agent's socket must not hold a test.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    process: Process,
    http: u16,
}

/// What the kernel says of a process.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Resident memory, kB.
    pub rss_kb: u64,
    /// The most it ever was, kB.
    pub rss_peak_kb: u64,
    /// CPU time, user and system.
    pub cpu: Duration,
    /// Bytes it caused to be written to disk.
    pub disk_bytes: u64,
    /// Files and connections that are open.
    pub open_files: usize,
}

impl Agent {
    /// Starts the agent of a site and waits until it watches.
    pub fn start(site: &Site) -> Result<Self> {
        let mut agent = Self::launch(site, &[])?;
        agent.wait_ready()?;
        Ok(agent)
    }

    /// Starts another build of it, of an earlier version, and waits until it watches.
    pub fn start_build(program: &Path, site: &Site) -> Result<Self> {
        let mut agent = Self::launch_build(program, site, &[])?;
        agent.wait_ready()?;
        Ok(agent)
    }

    /// Starts it under another program, as `strace -f …`, and does not wait.
    pub fn launch(site: &Site, under: &[&str]) -> Result<Self> {
        Self::launch_build(&program::ours("wardline-agent")?, site, under)
    }

    fn launch_build(program: &Path, site: &Site, under: &[&str]) -> Result<Self> {
        let config = site.write()?;
        let guarded = process::guarded(program)?;
        let mut command = match under {
            [] => guarded,
            [tracer, arguments @ ..] => {
                let mut outer = process::guarded(Path::new(tracer))?;
                // The agent itself is guarded too: a tracer that is killed lets go of what it traced.
                outer.args(arguments).arg(guarded.get_program()).args(guarded.get_args());
                outer
            }
        };
        command.args(["run", "--config"]).arg(config);
        for (name, value) in site.environment() {
            command.env(name, value);
        }
        let process = Process::start("wardline-agent", command, &site.log())?;
        Ok(Self { process, http: site.http() })
    }

    /// Waits until it watches its beds.
    pub fn wait_ready(&mut self) -> Result<()> {
        let what = format!("the agent to be live; its log:\n{}", self.process.log_tail());
        wait::until(&what, READY_WITHIN, || {
            self.process.check_alive()?;
            Ok(self.ask("/livez").ok().filter(|(status, _)| *status == 200).map(drop))
        })
    }

    /// Publishes until it takes it: what comes before it has subscribed for the first time, the broker forgets.
    pub fn wait_heard(&self, mut publish: impl FnMut() -> Result<()>) -> Result<()> {
        let accepted = || self.count("wardline_readings_accepted_total");
        let before = accepted()?;
        let what = format!("the agent to take what is published; its log:\n{}", self.process.log_tail());
        wait::until(&what, READY_WITHIN, || {
            publish()?;
            Ok((accepted()? > before).then_some(()))
        })
    }

    /// Asks it over HTTP; returns status and body.
    pub fn ask(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.http))?;
        stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer in HTTP")?;
        let status =
            head.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status in the answer")?;
        Ok((status, body.to_owned()))
    }

    /// The sum of a metric over its labels.
    pub fn metric(&self, name: &str) -> Result<f64> {
        Ok(self.values::<f64>(name)?.into_iter().sum())
    }

    /// The same of a metric that counts.
    pub fn count(&self, name: &str) -> Result<u64> {
        Ok(self.values::<u64>(name)?.into_iter().sum())
    }

    fn values<T: FromStr>(&self, name: &str) -> Result<Vec<T>> {
        let (_, body) = self.ask("/metrics")?;
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse().ok());
        Ok(body.lines().filter(of_name).filter_map(value).collect())
    }

    /// Kills it (SIGKILL). Its account must be in order to its last moment.
    pub fn kill(mut self) -> Result<()> {
        self.check_account()?;
        self.process.kill()
    }

    /// An error if a record is neither delivered nor kept nor covered by a gap (P5); one that cannot answer any more
    /// says nothing.
    fn check_account(&self) -> Result<()> {
        match self.metric("wardline_conservation_error") {
            Ok(error) if error != 0.0 => {
                bail!("{error} records are nowhere; the log:\n{}", self.process.log_tail())
            }
            _ => Ok(()),
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Asks it to stop (SIGTERM) and waits for its end. Its account must be in order.
    pub fn stop(mut self, within: Duration) -> Result<ExitStatus> {
        self.check_account()?;
        self.process.signal(Signal::TERM)?;
        self.process.wait(within)
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        self.process.wait(within)
    }

    /// An error if it is no longer there.
    pub fn check_alive(&mut self) -> Result<()> {
        self.process.check_alive()
    }

    /// All it has logged, earlier runs of the same site included.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// What the kernel says of it.
    pub fn usage(&self) -> Result<Usage> {
        usage(self.process.pid())
    }
}

fn usage(pid: i32) -> Result<Usage> {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
    let number = |text: &str, key: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.trim_start_matches(':').split_whitespace().next().and_then(|it| it.parse().ok()).unwrap_or(0)
    };
    let (status, io, stat) = (read("status")?, read("io")?, read("stat")?);
    // The name, in brackets, may hold spaces; utime and stime are fields 14 and 15.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
    let ticks_a_second = rustix::param::clock_ticks_per_second();
    Ok(Usage {
        rss_kb: number(&status, "VmRSS"),
        rss_peak_kb: number(&status, "VmHWM"),
        cpu: Duration::from_millis(ticks * 1000 / ticks_a_second),
        disk_bytes: number(&io, "write_bytes"),
        open_files: fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
    })
}
