//! Running the command under a watchdog.
//!
//! Owns starting it, talking to it and waiting for what can be observed from outside. It asserts nothing by itself.

#![expect(clippy::disallowed_methods, reason = "tests may start programs")]

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::process::ExitStatusExt,
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// No run and no event takes longer than this, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);

/// An expression that practically never ends with [`NO_FUEL_LIMIT`].
pub(crate) const ENDLESS: &str = "any(i < 0 for i in range(10**12))";

/// Removes the limit of evaluation steps.
pub(crate) const NO_FUEL_LIMIT: [&str; 2] = ["--max-fuel", "1000000000000000"];

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pool");

/// `pool eval` with these arguments.
pub(crate) fn eval<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg("eval")
        .args(arguments)
        .env_remove("RUST_LOG")
        .env("RUST_BACKTRACE", "0");
    command
}

/// Runs `pool eval` with these arguments and this input to its end.
pub(crate) fn run<I: IntoIterator<Item: AsRef<OsStr>>>(arguments: I, input: impl Into<Vec<u8>>) -> Ended {
    let mut running = Running::start(&mut eval(arguments));
    let input = input.into();
    let mut stdin = running.take_stdin();
    // In a thread, since the command writes while it reads. It may end before it has read everything.
    thread::spawn(move || drop(stdin.write_all(&input)));
    running.end()
}

/// How the command ended, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// The signal of which it died.
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Expects this code and this output.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32, stdout: &str) {
        assert_eq!(
            (self.code, &*self.stdout),
            (Some(code), stdout),
            "stderr: {}",
            self.stderr
        );
    }

    /// Expects death by this signal after this output.
    #[track_caller]
    pub(crate) fn expect_death(&self, signal: Signal, stdout: &str) {
        assert_eq!(
            (self.signal, &*self.stdout),
            (Some(signal.as_raw()), stdout),
            "stderr: {}",
            self.stderr
        );
    }

    /// Expects that standard error contains a text.
    #[track_caller]
    pub(crate) fn expect_stderr(&self, part: &str) {
        assert!(self.stderr.contains(part), "{part:?} is not in {:?}", self.stderr);
    }
}

/// The running command. It is killed if it runs too long, and if the test fails.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<BufReader<ChildStderr>>,
    is_late: Arc<AtomicBool>,
    disarm: Option<mpsc::Sender<()>>,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::spawn(command)
    }

    /// Starts a command whose standard streams are set.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let (disarm, alarm) = mpsc::channel();
        let (is_late, pid) = (Arc::new(AtomicBool::new(false)), pid_of(&child));
        let late = Arc::clone(&is_late);
        thread::spawn(move || {
            if alarm.recv_timeout(TIMEOUT) == Err(mpsc::RecvTimeoutError::Timeout) {
                late.store(true, Ordering::SeqCst);
                kill_process(pid, Signal::KILL).expect("a child that is not reaped can be killed");
            }
        });
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(BufReader::new),
            stderr: child.stderr.take().map(BufReader::new),
            child,
            is_late,
            disarm: Some(disarm),
        }
    }

    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("standard input is taken once")
    }

    /// Writes to the command, which must be reading.
    pub(crate) fn write(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        stdin
            .write_all(text.as_bytes())
            .and_then(|()| stdin.flush())
            .expect("the command reads");
    }

    /// Ends the command's input.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    /// The next line of the command's output, empty at its end.
    pub(crate) fn read_line(&mut self) -> String {
        read_line(self.stdout.as_mut().expect("standard output is open"))
    }

    /// The next line of the command's standard error.
    pub(crate) fn read_error_line(&mut self) -> String {
        read_line(self.stderr.as_mut().expect("standard error is open"))
    }

    /// Closes the command's output, like a reader that has seen enough.
    pub(crate) fn close_output(&mut self) {
        self.stdout = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(pid_of(&self.child), signal).expect("the command runs");
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The pids of the command's workers.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the command runs");
        let children = tasks
            .flatten()
            .filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let pids = children.flat_map(|pids| pids.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        pids.map(|pid| pid.parse().expect("a pid is a number")).collect()
    }

    /// The most memory that the command has had, in KiB.
    pub(crate) fn peak_memory_kib(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("the command runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .expect("the kernel reports memory");
        line.trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("memory is a number")
    }

    /// Waits for the command's end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let stderr = self.stderr.take();
        let reading = thread::spawn(move || stderr.map(read_rest).unwrap_or_default());
        let stdout = self.stdout.take().map(read_rest).unwrap_or_default();
        let stderr = reading.join().expect("standard error is read");
        let status = self.child.wait().expect("the command is our child");
        self.disarm = None;
        assert!(
            !self.is_late.load(Ordering::SeqCst),
            "not ended after {TIMEOUT:?}: {stdout:?} {stderr:?}"
        );
        Ended {
            code: status.code(),
            signal: status.signal(),
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Polls until something is true that has no event to wait for.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + TIMEOUT;
    while !is_true() {
        assert!(Instant::now() < end, "waited {TIMEOUT:?} until {what}");
        thread::park_timeout(Duration::from_millis(1));
    }
}

/// Waits until a process has computed for some time, as one that runs [`ENDLESS`] does.
#[track_caller]
pub(crate) fn wait_until_busy(pid: u32) {
    const USER_TICKS: usize = 11;
    wait_until("the worker computes", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let behind_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = behind_name.split_whitespace().nth(USER_TICKS);
        ticks
            .and_then(|ticks| ticks.parse::<u64>().ok())
            .is_some_and(|ticks| ticks >= 5)
    });
}

/// Kills a process.
#[track_caller]
pub(crate) fn kill(pid: u32) {
    assert!(try_kill(pid), "the process lives");
}

/// Kills a process, if it lives.
pub(crate) fn try_kill(pid: u32) -> bool {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a pid is not 0");
    kill_process(pid, Signal::KILL).is_ok()
}

/// Whether a process has not ended.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|behind_name| !behind_name.is_empty() && !behind_name.starts_with(" Z"))
}

/// Whether a process is stopped by a signal.
pub(crate) fn is_stopped(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|behind_name| behind_name.starts_with(" T"))
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

fn read_line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("the output is text");
    line
}

fn read_rest(mut from: impl Read) -> String {
    let mut text = Vec::new();
    from.read_to_end(&mut text).expect("a pipe can be read");
    String::from_utf8(text).expect("the output is text")
}
