//! The child registry: all children of this process that run a function, while its main code runs.
//!
//! Owns the list of them, and what happens when the main code ends: daemons are ended, the others are waited for. It
//! starts no child.

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use protocol::memory::Origin;
use rustix::process::Signal;

use super::{StartError, supervised::SupervisedChild};

/// How long a daemon may take to end after SIGTERM before it is killed.
const GRACE_PERIOD: Duration = Duration::from_secs(1);

/// The process in which the main code began.
static PARENT: OnceLock<Origin> = OnceLock::new();

static REGISTRY: Mutex<ChildRegistry> = Mutex::new(ChildRegistry {
    main_code_runs: false,
    name: None,
    last_number: 0,
    children: Vec::new(),
});

#[derive(Debug)]
struct ChildRegistry {
    main_code_runs: bool,
    /// The name of this process, if it is a child itself.
    name: Option<String>,
    /// The number of the last child that was started, or was to be.
    last_number: u64,
    children: Vec<Registered>,
}

#[derive(Debug)]
struct Registered {
    child: Arc<SupervisedChild>,
    /// Its handle was dropped.
    is_released: bool,
}

/// Whether this process is a copy of the one in which the main code began. The registry may stay locked in it.
fn is_copy() -> bool {
    PARENT.get().is_some_and(|parent| !parent.is_here())
}

fn registry() -> MutexGuard<'static, ChildRegistry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins the main code, of the child `name` or of a program that is no child.
///
/// # Panics
/// If the main code runs already.
pub(crate) fn open(name: Option<String>) {
    PARENT.get_or_init(Origin::here);
    let mut registry = registry();
    let is_free = !registry.main_code_runs;
    if is_free {
        registry.main_code_runs = true;
        registry.name = name;
    }
    drop(registry);
    assert!(
        is_free,
        "`pool::main` is called while it runs: a program calls it once, in `main`"
    );
}

/// Whether the main code runs.
pub(crate) fn is_open() -> bool {
    registry().main_code_runs
}

/// The name of this process, if it is a child.
pub(crate) fn own_name() -> Option<String> {
    registry().name.clone()
}

/// Reserves the number of the next child, and a name if it has none.
pub(crate) fn reserve(name: Option<String>) -> Result<(u64, String), StartError> {
    if is_copy() {
        return Err(StartError::Forked);
    }
    let mut registry = registry();
    if !registry.main_code_runs {
        return Err(StartError::OutsideMain);
    }
    registry.forget_ended();
    registry.last_number += 1;
    let number = registry.last_number;
    let name = name.unwrap_or_else(|| match &registry.name {
        None => format!("Process-{number}"),
        Some(own) => format!("{own}:{number}"),
    });
    Ok((number, name))
}

/// Registers a child. If the main code has ended meanwhile, in another thread, the child is killed.
pub(crate) fn register(child: &Arc<SupervisedChild>) -> Result<(), StartError> {
    let mut registry = registry();
    if !registry.main_code_runs {
        drop(registry);
        child.kill_and_reap();
        return Err(StartError::OutsideMain);
    }
    registry.children.push(Registered {
        child: Arc::clone(child),
        is_released: false,
    });
    Ok(())
}

/// The handle of a child was dropped: the child is forgotten once it has ended.
pub(crate) fn release_handle(child: &SupervisedChild) {
    if child.is_copy() {
        return;
    }
    let has_ended = child.exit().is_some();
    let mut registry = registry();
    let Some(position) = registry.position(child.number) else {
        return;
    };
    if has_ended {
        registry.children.swap_remove(position);
    } else {
        registry.children[position].is_released = true;
    }
}

/// Ends the main code: ends the daemons, and waits for all other children.
pub(crate) fn close() {
    if is_copy() {
        return;
    }
    let children: Vec<Arc<SupervisedChild>> = {
        let mut registry = registry();
        registry.main_code_runs = false;
        registry
            .children
            .drain(..)
            .map(|registered| registered.child)
            .collect()
    };
    let (daemons, others): (Vec<_>, Vec<_>) = children.into_iter().partition(|child| child.is_daemon);
    for daemon in &daemons {
        daemon.signal(Signal::TERM);
    }
    let deadline = Instant::now() + GRACE_PERIOD;
    for daemon in &daemons {
        if daemon.wait(Some(deadline)).is_none() {
            daemon.kill_and_reap();
        }
    }
    for other in &others {
        other.wait(None);
    }
}

impl ChildRegistry {
    fn position(&self, number: u64) -> Option<usize> {
        self.children
            .iter()
            .position(|registered| registered.child.number == number)
    }

    /// Forgets the children that have ended and whose handle was dropped.
    fn forget_ended(&mut self) {
        self.children
            .retain(|registered| !registered.is_released || registered.child.exit().is_none());
    }
}
