//! Jobs that crash, hang and panic: no other job is lost, and each error names its cause.
//!
//! `cargo run --release -p examples --example survive_crash`

#![expect(clippy::print_stdout, reason = "a program that shows something")]

use std::{error::Error, time::Duration};

use pool::{Job, Pool};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Task {
    Double(u64),
    Abort,
    Exit(i32),
    Panic,
    Hang,
}

impl Job for Task {
    type Output = u64;
    const NAME: &'static str = "task";
}

fn run(task: &Task) -> u64 {
    match task {
        Task::Double(number) => number * 2,
        Task::Abort => std::process::abort(),
        Task::Exit(code) => std::process::exit(*code),
        Task::Panic => panic!("this job panics"),
        Task::Hang => loop {
            std::hint::spin_loop();
        },
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    worker::run_if_worker(|task: Task, _context| run(&task));

    let pool = Pool::<Task>::builder()
        .workers(2)
        .job_deadline(Duration::from_millis(200))
        .build()?;
    let mut tasks: Vec<Task> = (0..1000).map(Task::Double).collect();
    for (place, task) in [
        (100, Task::Abort),
        (300, Task::Exit(3)),
        (500, Task::Panic),
        (700, Task::Hang),
    ] {
        tasks[place] = task;
    }
    let (mut right, mut failed) = (0, 0);
    for (number, (task, output)) in tasks.iter().zip(pool.map(tasks.clone())).enumerate() {
        match output {
            Ok(output) if output == 2 * number as u64 => right += 1,
            Ok(output) => return Err(format!("job {number} gave {output}").into()),
            Err(error) => {
                failed += 1;
                println!("job {number}, {task:?}: {error}");
            }
        }
    }
    println!("{right} jobs are right, {failed} failed");
    Ok(())
}
