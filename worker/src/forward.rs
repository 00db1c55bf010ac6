//! Forwards the worker's log to its parent.
//!
//! Owns the layer that turns events of `tracing` into messages, and the socket that they go to. The thread that emits an
//! event sends it at once, and drops it rather than wait for room.

use std::{
    cell::Cell,
    fmt,
    os::fd::OwnedFd,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use protocol::message::{control, log::Record};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

/// The socket that events go to, and the filter that the parent asks for.
static FORWARD: OnceLock<(OwnedFd, LevelFilter)> = OnceLock::new();
static IS_ON: AtomicBool = AtomicBool::new(false);
static LOST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static POSITION: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Starts forwarding events up to `level` (see [`Record::level`]; 0 for none).
///
/// A program that has set a subscriber of its own keeps it; it can add a [`ForwardLayer`] to it.
pub(crate) fn start(control: &OwnedFd, level: u8) -> std::io::Result<()> {
    let Some(filter) = filter_of(level) else {
        return Ok(());
    };
    let control = control.try_clone()?;
    if FORWARD.set((control, filter)).is_ok() {
        IS_ON.store(true, Ordering::Relaxed);
        let subscriber = Registry::default().with(ForwardLayer::new());
        drop(tracing::subscriber::set_global_default(subscriber));
        // Call sites may have cached that no one is interested in them.
        tracing::callsite::rebuild_interest_cache();
    }
    Ok(())
}

/// Sets the job that this thread runs, which its events carry.
pub(crate) fn set_position(position: Option<u64>) {
    if IS_ON.load(Ordering::Relaxed) {
        POSITION.set(position);
    }
}

fn filter_of(level: u8) -> Option<LevelFilter> {
    Some(match level {
        0 => return None,
        1 => LevelFilter::ERROR,
        2 => LevelFilter::WARN,
        3 => LevelFilter::INFO,
        4 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    })
}

fn number_of(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// A layer that forwards the events of a worker to its parent. In any other process it does nothing.
///
/// A worker program needs it only if it sets a `tracing` subscriber of its own before it serves; otherwise
/// [`serve`](crate::serve) installs a subscriber with only this layer. The events reach the subscriber of the parent's
/// process under the target `pool::worker`, as far as that subscriber enables it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForwardLayer(());

impl ForwardLayer {
    /// Creates the layer.
    pub fn new() -> Self {
        Self(())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ForwardLayer {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let Some((control, _)) = FORWARD.get().filter(|(_, filter)| *metadata.level() <= *filter) else {
            return;
        };
        let mut record = Record {
            level: number_of(*metadata.level()),
            target: metadata.target().to_owned(),
            file: metadata.file().map(str::to_owned),
            line: metadata.line(),
            spans: context.event_scope(event).map_or_else(Vec::new, |scope| {
                scope.from_root().map(|span| span.name().to_owned()).collect()
            }),
            position: POSITION.try_with(Cell::get).unwrap_or_default(),
            lost: LOST.swap(0, Ordering::Relaxed),
            ..Record::default()
        };
        event.record(&mut Collector(&mut record));
        let lost = record.lost;
        // An error means that the parent is gone, which needs no log.
        if let Ok(false) = control::send_if_room(control, &record.encode()) {
            LOST.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        FORWARD.get().map(|(_, filter)| *filter)
    }
}

/// Collects an event's fields.
struct Collector<'a>(&'a mut Record);

impl Visit for Collector<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

impl Collector<'_> {
    fn put(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.0.message = value;
        } else {
            self.0.fields.push((field.name().to_owned(), value));
        }
    }
}
