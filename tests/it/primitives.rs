//! Locks, queues and other shared objects between processes that are killed.

use std::process::Command;

use crate::{processes::run_scenario, setup::scenario};

/// F50, with every shared object: a short run of the nemesis of shared objects.
#[test]
fn holders_producers_and_consumers_killed_at_any_instant_break_no_promise() {
    scenario(|| {
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

#[test]
fn permits_of_the_dead_come_back() {
    run_scenario("permits");
}

#[test]
fn a_barrier_whose_participant_died_is_broken() {
    run_scenario("barriers");
}

#[test]
fn a_dead_holder_is_noticed_within_100_ms() {
    run_scenario("notice");
}

#[test]
fn handles_outlive_their_senders() {
    run_scenario("senders");
}

#[test]
fn a_queue_goes_on_when_all_others_are_gone() {
    run_scenario("alone");
}

#[test]
fn a_bare_fork_owns_nothing() {
    run_scenario("fork");
}

#[test]
fn objects_need_no_descriptors() {
    run_scenario("no-descriptors");
}
