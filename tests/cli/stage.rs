//! What the stories of the command share: running it under a watchdog.

use std::{
    io::{Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// How long the command may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(100);

/// What a run of the command gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub(crate) fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }
}

/// The command with its streams piped.
pub(crate) fn pool(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pool"));
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs `pool eval` with an input to its end.
pub(crate) fn eval(arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = pool(&[&["eval"], arguments].concat())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("its input");
    let input = input.to_vec();
    let feeding = thread::spawn(move || {
        // The command may end before it has read everything.
        let _all_or_not = stdin.write_all(&input);
    });
    let ran = finish(child);
    feeding.join().expect("fed");
    ran
}

/// Reads what a run writes and waits for its end, but not for ever.
pub(crate) fn finish(mut child: Child) -> Ran {
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let (sender, ended) = mpsc::channel();
    let pid = child.id();
    let waiting = thread::spawn(move || {
        let status = child.wait().expect("its status");
        let _nobody_listens_any_more = sender.send(());
        status
    });
    if ended.recv_timeout(PATIENCE).is_err() {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process id");
        let _killed = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        panic!("the command hangs");
    }
    let status = waiting.join().expect("waited");
    Ran {
        status,
        stdout: stdout.join().expect("read"),
        stderr: stderr.join().expect("read"),
    }
}

fn reader(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).expect("read");
        }
        String::from_utf8(bytes).expect("the command writes UTF-8")
    })
}

/// Sends a signal to a process.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process id");
    rustix::process::kill_process(pid, signal).expect("the process is there");
}

/// The children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .flat_map(|task| {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            children
                .split_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}
