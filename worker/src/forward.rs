//! The worker's log, told to its parent.
//!
//! Owns the layer that turns events of `tracing` into messages, and where they go. An event is sent at once, in the
//! thread that it happens in, and never waits for room.

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

/// Where events go, and the least of them that the parent wants.
static WAY: OnceLock<(OwnedFd, LevelFilter)> = OnceLock::new();
static IS_ON: AtomicBool = AtomicBool::new(false);
static LOST: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static POSITION: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Begins to tell the parent of events up to this level (see [`Record::level`]; 0: of none).
///
/// A program that has set a subscriber of its own keeps it; it may have a [`ForwardLayer`] in it.
pub(crate) fn start(control: &OwnedFd, level: u8) -> std::io::Result<()> {
    let Some(filter) = filter_of(level) else {
        return Ok(());
    };
    let control = control.try_clone()?;
    if WAY.set((control, filter)).is_ok() {
        IS_ON.store(true, Ordering::Relaxed);
        let subscriber = Registry::default().with(ForwardLayer::new());
        drop(tracing::subscriber::set_global_default(subscriber));
        // Call sites may have been asked before there was anywhere to send to.
        tracing::callsite::rebuild_interest_cache();
    }
    Ok(())
}

/// Notes which job this thread runs now.
pub(crate) fn runs(position: Option<u64>) {
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

/// A layer that tells the parent of a worker of its events; in any other process it does nothing.
///
/// A worker program needs it only when it sets a `tracing` subscriber of its own, before it serves; otherwise
/// [`serve`](crate::serve) installs one with nothing but this layer. The events reach the subscriber of the parent's
/// process, as far as that wants them, under the target `pool::worker`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForwardLayer(());

impl ForwardLayer {
    /// The layer.
    pub fn new() -> Self {
        Self(())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ForwardLayer {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let Some((control, _)) = WAY.get().filter(|(_, filter)| *metadata.level() <= *filter) else {
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
        // A parent that has gone needs no log any more.
        if let Ok(false) = control::send_if_room(control, &record.encode()) {
            LOST.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        WAY.get().map(|(_, filter)| *filter)
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
