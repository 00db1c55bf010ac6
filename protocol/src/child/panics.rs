//! Panics of jobs and of a process's function: caught, and returned to the caller.
//!
//! Owns the process's panic hook and each thread's record of its last panic. Panics of jobs are not printed. All others,
//! including those in a thread that is running no job (one that a handler started, for example), go to the hook that was
//! installed before. What a panic means for a job or a worker is not decided here.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    cell::{Cell, RefCell},
    io::Write,
    marker::PhantomData,
    mem,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
    sync::Once,
};

use crate::Panicked;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// Nothing runs here whose panic is to be caught.
    Off,
    /// Such code runs.
    On(Voice),
    /// Such code runs and has panicked; the record is in `RECORD`.
    Seen(Voice),
}

/// Whether a panic that is returned to the caller is printed too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Voice {
    Silent,
    Loud,
}

thread_local! {
    static WATCH: Cell<Watch> = const { Cell::new(Watch::Off) };
    static RECORD: RefCell<Option<Panicked>> = const { RefCell::new(None) };
}

/// Installs the hook, once in a process.
#[expect(clippy::disallowed_methods, reason = "a child process reports its panics")]
pub fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if is_printed(info) {
                previous(info);
            }
        }));
    });
}

/// Records the panic if it is to be caught in this thread. Returns whether it is to be printed.
fn is_printed(info: &PanicHookInfo<'_>) -> bool {
    let watch = WATCH.try_with(Cell::get).unwrap_or(Watch::Off);
    let (voice, is_second) = match watch {
        Watch::Off => return true,
        Watch::On(voice) => (voice, false),
        Watch::Seen(voice) => (voice, true),
    };
    let earlier = record(info);
    WATCH.set(Watch::Seen(voice));
    if is_second && voice == Voice::Silent {
        // A panic during the unwinding of another: the process is about to abort, and then neither will be returned.
        // (Or the handler caught the first one itself; then printing is what it expects.)
        print_lost(earlier);
    }
    is_second || voice == Voice::Loud || cfg!(not(panic = "unwind"))
}

fn record(info: &PanicHookInfo<'_>) -> Option<Panicked> {
    let message = info.payload_as_str().unwrap_or(NO_MESSAGE);
    let location = info.location().map(ToString::to_string);
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    let panicked = Panicked::new(message, location, backtrace);
    RECORD.with(|record| record.try_borrow_mut().ok()?.replace(panicked))
}

fn print_lost(earlier: Option<Panicked>) {
    if let Some(earlier) = earlier {
        // Nothing can be done if standard error is closed.
        drop(writeln!(std::io::stderr(), "the job had panicked{earlier}"));
    }
}

const NO_MESSAGE: &str = "(the panic has no message)";

/// Runs `work`, of a job or an initialiser, and catches its panic. [`install_hook`] must have been called.
///
/// # Errors
/// The panic. What `work` changed before may be half changed: the caller must discard it.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_with(Voice::Silent, work)
}

/// As [`catch`], and the panic is printed too, as in any thread.
///
/// # Errors
/// The panic.
pub fn catch_and_print<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_with(Voice::Loud, work)
}

fn catch_with<T>(voice: Voice, work: impl FnOnce() -> T) -> Result<T, Panicked> {
    WATCH.set(Watch::On(voice));
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    let watch = WATCH.replace(Watch::Off);
    done.map_err(|payload| caught_panic(watch, payload))
}

/// As [`catch`], for work that consists of many jobs, each of which is watched by itself: see [`Watched::renew`].
///
/// # Errors
/// The panic.
pub fn catch_each<T>(work: impl FnOnce(&Watched) -> T) -> Result<T, Panicked> {
    catch(|| work(&Watched(PhantomData)))
}

/// Lets the work of [`catch_each`] say that another job begins.
#[derive(Debug)]
pub struct Watched(PhantomData<*const ()>);

impl Watched {
    /// Forgets earlier panics, which earlier jobs have caught themselves.
    #[inline]
    pub fn renew(&self) {
        WATCH.set(Watch::On(Voice::Silent));
    }
}

/// Runs `work`, which belongs to no job. A panic of it is printed and goes no further.
pub fn survive(work: impl FnOnce()) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(work)) {
        discard(payload);
    }
}

fn caught_panic(watch: Watch, payload: Box<dyn Any + Send>) -> Panicked {
    let recorded = RECORD.take().filter(|_| matches!(watch, Watch::Seen(_)));
    // Without a record, the handler has installed a hook of its own, or has resumed a panic that it caught.
    let panicked = recorded.unwrap_or_else(|| Panicked::new(message_of(&*payload), None, None));
    discard(payload);
    panicked
}

/// Drops a panic's payload. If its drop panics again, that payload is leaked.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(again) = panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(again);
    }
}

fn message_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or(NO_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caught(work: impl FnOnce()) -> Panicked {
        install_hook();
        catch(work).unwrap_err()
    }

    #[test]
    fn message_and_location_are_reported() {
        let panicked = caught(|| panic!("boom {}", 7));
        assert_eq!(panicked.message, "boom 7");
        assert!(panicked.location.unwrap().starts_with(file!()));
    }

    #[test]
    fn a_payload_of_any_type_is_caught() {
        struct PanicsOnDrop;
        impl Drop for PanicsOnDrop {
            fn drop(&mut self) {
                panic!("even its drop panics");
            }
        }
        assert_eq!(caught(|| panic::panic_any(7)).message, NO_MESSAGE);
        assert_eq!(caught(|| panic::panic_any(PanicsOnDrop)).message, NO_MESSAGE);
    }

    #[test]
    fn a_resumed_panic_has_its_own_message() {
        let panicked = caught(|| panic::resume_unwind(Box::new("again".to_owned())));
        assert_eq!((panicked.message.as_str(), panicked.location), ("again", None));
    }

    #[test]
    fn a_job_does_not_get_the_panic_that_an_earlier_one_caught_itself() {
        install_hook();
        let swallowed = catch(|| panic::catch_unwind(|| panic!("swallowed")).is_err());
        assert_eq!(swallowed, Ok(true));
        assert_eq!(caught(|| panic::resume_unwind(Box::new("own"))).message, "own");
        let second = catch_each(|watched| {
            assert!(panic::catch_unwind(|| panic!("swallowed")).is_err());
            watched.renew();
            panic::resume_unwind(Box::new("the second job's"))
        });
        let second: Result<(), _> = second;
        assert_eq!(second.unwrap_err().message, "the second job's");
    }
}
