//! A short run of the nemesis; the program `nemesis` runs it for longer.

use std::process::{Command, Stdio};

use crate::setup::scenario;

#[test]
fn a_storm_of_signals_breaks_no_promise() {
    scenario(|| {
        let output = Command::new(env!("CARGO_BIN_EXE_nemesis"))
            .args([
                "--seed", "1", "--jobs", "5000", "--kills", "250", "--stops", "20", "--aborts", "25",
            ])
            .stdin(Stdio::null())
            .output()
            .expect("it runs");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let last = stdout.lines().last().unwrap_or_default();
        assert!(
            output.status.success() && last.starts_with("{\"seed\":1,\"jobs\":5000,\"ended\":5000,"),
            "{stdout}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    });
}
