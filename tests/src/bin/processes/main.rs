//! A program that has processes with functions to run, one story at a time, as its first argument says.
//!
//! What a process runs must be in the program that starts it, so the scenarios are here and not in the test. Each
//! checks what it says, and the test (`tests/it/processes.rs`) checks that the program ends well, and what it printed.

#![expect(unsafe_code, reason = "a process must be able to crash for real")]
#![expect(clippy::unwrap_used, reason = "the scenarios are tests, run by a program")]

mod ends;
mod entries;
mod kin;
mod limits;
mod lives;
mod orphans;
mod shared;
mod values;

use std::{io::Write, process::ExitCode};

fn main() -> ExitCode {
    // A pool's worker and a process with a function to run are the same program.
    worker::run_if_worker(entries::square);
    if let Some(code) = std::env::var_os(entries::WITHOUT_ENTRY).and_then(|how| entries::misbehave(&how)) {
        return code;
    }
    let story = std::env::args().nth(1).unwrap_or_default();
    if story == "outside-main" {
        entries::nothing_starts_outside_main();
        return ExitCode::SUCCESS;
    }
    pool::main(|| {
        // This one's worker is a program with a main code, in which its jobs can start processes.
        worker::run_if_worker(entries::cube);
        tell(&story);
    });
    say("the program ends");
    ExitCode::SUCCESS
}

fn tell(story: &str) {
    let argument = |place| std::env::args().nth(place).expect("one more argument");
    match story {
        "values" => values::every_kind_and_size_comes_back(),
        "objects" => values::an_object_runs_in_its_process(),
        "faulty-values" => values::values_that_cannot_travel_are_told(),
        "secrets" => values::other_users_cannot_read_arguments(),
        "panics" => ends::panics_are_told(),
        "codes" => ends::every_exit_code_is_told(),
        "signals" => ends::every_signal_is_told(),
        "crashes" => ends::crashes_are_told(),
        "terminate" => lives::terminate_is_asynchronous(),
        "waiting" => lives::waiting_has_a_limit(),
        "times" => lives::every_time_is_taken(),
        "names" => lives::names_and_environment(),
        "dropped" => lives::dropped_handles_leak_nothing(),
        "thousand" => lives::a_thousand_processes_leave_nothing(),
        "threads" => lives::many_threads_start_processes(),
        "daemons" => lives::daemons_end_with_the_main_code(),
        "daemons-panic" => lives::daemons_end_with_a_panic(),
        "stubborn-daemon" => lives::a_stubborn_daemon_is_killed(),
        "nested" => lives::three_deep(),
        "nested-locks" => shared::locks_from_the_top_hold_three_deep(),
        "many-handles" => shared::many_handles_go_in_one_argument_list(),
        "pipe-death" => shared::a_pipe_tells_of_the_others_death(),
        "returned-handles" => shared::handles_come_back(),
        "ignored-sigchld" => lives::ends_under_an_ignored_sigchld(),
        "other-children" => lives::other_children_are_left_alone(),
        "no-entry" => entries::a_main_without_entry_is_told(),
        "other-program" => entries::another_program_is_told(&argument(2)),
        "replaced" => entries::a_replaced_program_still_has_processes(),
        "pool-inside" => entries::a_pool_and_processes_in_one_main(),
        "nested-main" => entries::main_within_main_is_a_mistake(),
        "descriptors" => limits::a_full_descriptor_table_is_an_error(),
        "no-pidfd" => limits::without_pidfd(),
        "no-memfd" => limits::without_memfd(),
        "permits" => kin::permits_of_the_dead_come_back(),
        "barriers" => kin::a_barrier_whose_member_died_is_broken(),
        "notice" => kin::a_dead_holder_is_noticed_soon(),
        "senders" => kin::handles_outlive_their_senders(),
        "alone" => kin::a_queue_goes_on_when_all_others_are_gone(),
        "forks" => kin::copies_have_no_processes(),
        "fork" => kin::a_bare_fork_owns_nothing(),
        "no-descriptors" => kin::objects_need_no_descriptors(),
        "orphans" => orphans::be_a_parent(&argument(2)),
        other => panic!("no story {other:?}"),
    }
}

/// Writes a line at once, whatever standard output is.
fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .expect("somebody reads it");
}
