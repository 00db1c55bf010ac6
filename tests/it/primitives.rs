//! Locks, queues and their kin between real processes that are killed.

use std::process::Command;

use crate::stage::story;

/// F50, with everything that is shared: the short form of a program that runs for as long as one likes.
#[test]
fn holders_producers_and_consumers_killed_at_any_instant_break_no_promise() {
    story(|| {
        let run = Command::new(env!("CARGO_BIN_EXE_primitives_nemesis"))
            .args(["--kills", "400", "--seed", "42"])
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&run.stdout);
        let findings = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{said}\n{findings}");
        assert!(said.contains("\"kills\":400"), "{said}");
    });
}
