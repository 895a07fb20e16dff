//! Authorities and certificates of a test's own, by openssl.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process::run;
use crate::program;

/// Makes `CA.pem`, an authority, and `NAME.pem` with `NAME.key`, its certificate for 127.0.0.1, in the directory.
pub fn certify(dir: &Path, ca: &str, name: &str) -> Result<()> {
    certify_as(dir, ca, name, "IP:127.0.0.1")
}

/// The same for whom OpenSSL's `subjectAltName` says, as `DNS:broker.example.org`.
pub fn certify_as(dir: &Path, ca: &str, name: &str, whom: &str) -> Result<()> {
    let openssl = || -> Result<Command> {
        let mut command = Command::new(program::installed("openssl", "openssl")?);
        command.current_dir(dir);
        Ok(command)
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let subject = format!("/CN={ca} of a test");
    run(openssl()?.args(["req", "-x509", "-days", "2", "-subj", &subject]).args(key).args([
        "-keyout",
        &format!("{ca}.key"),
        "-out",
        &format!("{ca}.pem"),
    ]))?;
    fs::write(dir.join("extensions"), format!("subjectAltName={whom}"))?;
    run(openssl()?
        .args(["req", "-subj", "/CN=broker", "-out", "request"])
        .args(key)
        .args(["-keyout", &format!("{name}.key")]))?;
    run(openssl()?.args(["x509", "-req", "-days", "2", "-in", "request", "-extfile", "extensions"]).args([
        "-CA",
        &format!("{ca}.pem"),
        "-CAkey",
        &format!("{ca}.key"),
        "-CAcreateserial",
        "-out",
        &format!("{name}.pem"),
    ]))
}
