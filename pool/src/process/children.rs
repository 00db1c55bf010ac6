//! All children of this process that have a function to run, from the beginning of its main code to the end.
//!
//! Owns the list of them, and the rule of the end: daemons are ended, the others are waited for.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{StartError, supervised::Member};

/// How long a daemon may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(1);

static HOUSEHOLD: Mutex<Household> = Mutex::new(Household {
    phase: Phase::Outside,
    name: None,
    numbers: 0,
    members: Vec::new(),
});

#[derive(Debug)]
struct Household {
    phase: Phase,
    /// The name of this process, when it is a child itself.
    name: Option<String>,
    /// How many children were started, or were to be.
    numbers: u64,
    members: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The main code has not begun, or has ended.
    Outside,
    Inside,
}

#[derive(Debug)]
struct Entry {
    member: Arc<Member>,
    /// Nobody holds its handle any more.
    is_let_go: bool,
}

fn household() -> MutexGuard<'static, Household> {
    HOUSEHOLD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins the main code, of the child `name` or of a program that nobody has started as a child.
///
/// # Panics
/// When it runs already.
pub(crate) fn open(name: Option<String>) {
    let mut household = household();
    let is_free = household.phase == Phase::Outside;
    if is_free {
        household.phase = Phase::Inside;
        household.name = name;
    }
    drop(household);
    assert!(
        is_free,
        "`pool::main` is called while it runs: a program calls it once, in `main`"
    );
}

/// Whether the main code runs.
pub(crate) fn is_open() -> bool {
    household().phase == Phase::Inside
}

/// The name of this process, when it is a child.
pub(crate) fn own_name() -> Option<String> {
    household().name.clone()
}

/// Gives the next child its number, and a name if it has none.
pub(crate) fn enrol(name: Option<String>) -> Result<(u64, String), StartError> {
    let mut household = household();
    if household.phase == Phase::Outside {
        return Err(StartError::OutsideMain);
    }
    household.sweep();
    household.numbers += 1;
    let number = household.numbers;
    let name = name.unwrap_or_else(|| match &household.name {
        None => format!("Process-{number}"),
        Some(own) => format!("{own}:{number}"),
    });
    Ok((number, name))
}

/// Takes a child in. The main code may have ended while it was started, in another thread: then it is ended too.
pub(crate) fn take_in(member: &Arc<Member>) -> Result<(), StartError> {
    let mut household = household();
    if household.phase == Phase::Outside {
        drop(household);
        member.end();
        return Err(StartError::OutsideMain);
    }
    household.members.push(Entry {
        member: Arc::clone(member),
        is_let_go: false,
    });
    Ok(())
}

/// Nobody holds the handle of a child any more: it is forgotten when it has ended.
pub(crate) fn let_go(member: &Member) {
    let has_ended = member.exit().is_some();
    let mut household = household();
    let Some(place) = household.place(member.number) else {
        return;
    };
    if has_ended {
        household.members.swap_remove(place);
    } else {
        household.members[place].is_let_go = true;
    }
}

/// Ends the main code: ends what is a daemon, and waits for all others.
pub(crate) fn close() {
    let members: Vec<Arc<Member>> = {
        let mut household = household();
        household.phase = Phase::Outside;
        household.members.drain(..).map(|entry| entry.member).collect()
    };
    let (daemons, others): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| member.is_daemon);
    for daemon in &daemons {
        daemon.signal(Signal::TERM);
    }
    let deadline = Instant::now() + GRACE;
    for daemon in &daemons {
        if daemon.wait(Some(deadline)).is_none() {
            daemon.end();
        }
    }
    for other in &others {
        other.wait(None);
    }
}

impl Household {
    fn place(&self, number: u64) -> Option<usize> {
        self.members
            .iter()
            .position(|entry| entry.member.number == number)
    }

    /// Forgets those that have ended and whose handle nobody holds.
    fn sweep(&mut self) {
        self.members
            .retain(|entry| !entry.is_let_go || entry.member.exit().is_none());
    }
}
