//! What the tests share: the watchdog, pools of puppets, and counting what a process holds.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::mpsc,
    time::{Duration, Instant},
};

use pool::{Builder, JobError, JobHandle, Pool};
use tests::{Answer, Puppet};

/// The puppet worker's program.
pub(crate) const PUPPET: &str = env!("CARGO_BIN_EXE_puppet");

/// How long a scenario may take before it counts as hanging.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Runs a scenario. If it hangs, prints the stack of every thread and aborts the test program.
pub(crate) fn scenario(run: impl FnOnce() + Send + 'static) {
    let (sender, ended) = mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("scenario".into())
        .spawn(move || {
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            let _too_late = sender.send(());
            if let Err(panic) = ended {
                std::panic::resume_unwind(panic);
            }
        })
        .expect("a thread");
    if ended.recv_timeout(TIMEOUT).is_err() {
        // Not with `eprintln!`, whose output would be captured and lost with the process.
        let dump = format!(
            "a scenario hangs; the threads of its process:\n{}",
            tests::threads::stacks()
        );
        let _closed = std::io::stderr().write_all(dump.as_bytes());
        std::process::abort();
    }
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Settings of a pool of puppets.
pub(crate) fn puppets(workers: usize) -> Builder<Puppet> {
    Pool::builder().workers(workers).worker_program(PUPPET)
}

/// A pool of puppets.
pub(crate) fn puppet_pool(workers: usize) -> Pool<Puppet> {
    puppets(workers).build().expect("a pool")
}

/// Runs one job.
pub(crate) fn run(pool: &Pool<Puppet>, job: Puppet) -> Result<Answer, JobError> {
    submit(pool, job).wait()
}

/// Submits one job.
pub(crate) fn submit(pool: &Pool<Puppet>, job: Puppet) -> JobHandle<Puppet> {
    pool.submit(job).expect("accepted")
}

/// Runs `Number` and checks the answer: the pool works.
pub(crate) fn assert_works(pool: &Pool<Puppet>) {
    assert_eq!(
        run(pool, Puppet::Number(41)).expect("a number"),
        Answer::Number(41)
    );
}

/// The process id of a worker that is ready to take jobs.
pub(crate) fn a_pid(pool: &Pool<Puppet>) -> u32 {
    wait_for("a worker to be ready", || {
        let mut pids = pool.stats().workers.into_iter().filter_map(|worker| worker.pid);
        // A worker that was just killed may still be listed.
        pids.find(|pid| is_alive(*pid))
    })
}

/// Sends a signal.
pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process id");
    rustix::process::kill_process(pid, signal).expect("the process is there");
}

/// Whether a process exists and is not a zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .trim_start()
            .starts_with(['Z', 'X'])
    })
}

/// Polls for something without an event to wait for, such as the state of another process; fails after 30 s.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A temporary folder for the files of one test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0
            .path()
            .join(name)
            .to_str()
            .expect("a path in UTF-8")
            .to_owned()
    }

    /// How many lines `Puppet::Mark` has added to a file.
    pub(crate) fn mark_count(&self, name: &str) -> usize {
        std::fs::read_to_string(self.0.path().join(name)).map_or(0, |text| text.lines().count())
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.0.path().join(name).exists()
    }
}

/// Runs a test again in a separate process, where no other test holds resources; returns true in that process.
pub(crate) fn alone(test: &str) -> bool {
    const MARK: &str = "POOL_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let folder = Folder::new();
    let output = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--nocapture"])
        .env(MARK, "1")
        .env("TMPDIR", folder.path(""))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

/// What this process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Holdings {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    pub(crate) children: usize,
    pub(crate) temporary_files: usize,
}

/// Counts what this process holds.
pub(crate) fn holdings() -> Holdings {
    let count = |path: &Path| std::fs::read_dir(path).map_or(0, Iterator::count);
    let children = |task: std::fs::DirEntry| {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.split_whitespace().count()
    };
    let tasks = || std::fs::read_dir("/proc/self/task").expect("tasks").flatten();
    Holdings {
        descriptors: count(Path::new("/proc/self/fd")),
        threads: tasks().count(),
        children: tasks().map(children).sum(),
        temporary_files: count(&std::env::temp_dir()),
    }
}

/// The path of the program `host`.
pub(crate) fn host_program() -> PathBuf {
    env!("CARGO_BIN_EXE_host").into()
}
