//! A parent that is killed, with children in every phase of their lives.

use std::{os::unix::process::CommandExt, process::Command};

use pool::Process;

use crate::{entries, say};

#[expect(
    clippy::zombie_processes,
    reason = "what it starts is to be ended with it, not waited for"
)]
fn tell_and_wait(depth: u64) {
    say(&std::process::id().to_string());
    if depth > 0 {
        Process::new(tell_and_wait, (depth - 1,)).start().unwrap();
    }
    if depth == 1 {
        // Not a process of the library's: it goes with its parent's group.
        let sleeping = Command::new("sleep").arg("1000").spawn().unwrap();
        say(&sleeping.id().to_string());
    }
    loop {
        std::thread::park();
    }
}

/// Prints the ids of all processes that are there, an empty line when there are no more, and waits for its death.
pub(crate) fn be_a_parent(phase: &str) {
    match phase {
        "running" => {
            for _ in 0..3 {
                Process::new(tell_and_wait, (0,)).start().unwrap();
            }
        }
        "nested" => {
            Process::new(tell_and_wait, (2,)).start().unwrap();
        }
        "daemons" => {
            Process::new(tell_and_wait, (1,)).daemon(true).start().unwrap();
        }
        // It comes to its entry only after the parent's death.
        "not-begun" => {
            let process = Process::new(tell_and_wait, (0,)).env(entries::WITHOUT_ENTRY, "late");
            say(&process.start().unwrap().pid().to_string());
        }
        // Killed while it starts one after the other: some have not been told yet what to do.
        "starting" => loop {
            say(&Process::new(tell_and_wait, (0,))
                .start()
                .unwrap()
                .pid()
                .to_string());
        },
        // Killed after its main code has ended, while it waits for its children.
        "ending" => {
            Process::new(tell_and_wait, (0,)).start().unwrap();
            return;
        }
        // Not killed: it becomes another program, which holds nothing of the lifelines.
        "exec" => {
            let process = Process::new(tell_and_wait, (0,)).start().unwrap();
            say(&process.pid().to_string());
            panic!("{}", Command::new("sleep").arg("1000").exec());
        }
        other => panic!("no phase {other:?}"),
    }
    loop {
        std::thread::park();
    }
}
