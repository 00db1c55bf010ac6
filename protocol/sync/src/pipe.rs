//! A pipe between two processes: two typed channels, one in each direction.
//!
//! Owns the handles of the two ends.

use std::{cell::Cell, fmt, marker::PhantomData, sync::Arc, sync::atomic::Ordering, time::Duration};

use protocol::refuse;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};

use crate::{
    heap::{
        error::SharedHeapError,
        objects::{Kind, Plan, SIDE},
    },
    item_error::{GetError, PutError, PutErrorKind},
    object::{
        channel_memory::{BYTES, ITEMS, Limits},
        reference::Reference,
    },
    queue::DEFAULT_ITEMS,
    typed_channel::{self, TypedChannel},
    word::wait::{Peers, WaitMode},
};

/// How many bytes of encoded items a pipe holds in each direction by default: 256 KiB.
pub const DEFAULT_PIPE_BYTES: usize = 1 << 18;

/// The two ends of a pipe.
pub type Pipe<S, R> = (PipeEnd<S, R>, PipeEnd<R, S>);

/// Marks a [`PipeEnd`] as a value that cannot be shared between threads, but can be moved to one.
type Carries<S, R> = PhantomData<(Cell<()>, fn(S) -> R)>;

/// Creates a pipe: what one end sends, the other receives, in both directions.
///
/// The ends are typed: the first sends `S` and receives `R`. It holds [`DEFAULT_ITEMS`] and [`DEFAULT_PIPE_BYTES`] in
/// each direction; [`pipe_with_limits`] creates others.
///
/// ```
/// use sync::pipe;
///
/// let (parent, child) = pipe::<String, usize>()?;
/// let thread = std::thread::spawn(move || {
///     let text = child.recv().unwrap();
///     child.send(text.len()).unwrap();
/// });
/// parent.send("hello".to_owned())?;
/// assert_eq!(parent.recv()?, 5);
/// # thread.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the system lacks what shared objects need, or has run out of it.
pub fn pipe<S, R>() -> Result<Pipe<S, R>, SharedHeapError> {
    pipe_with_limits(DEFAULT_ITEMS, DEFAULT_PIPE_BYTES)
}

/// Creates a pipe that holds this many items, and this many bytes of encoded items, in each direction.
///
/// # Errors
/// [`SharedHeapError::Impossible`] for a pipe without room; else as [`pipe`].
pub fn pipe_with_limits<S, R>(items: usize, bytes: usize) -> Result<Pipe<S, R>, SharedHeapError> {
    let limits = Limits::new(items, bytes)?;
    let near = Reference::create(Plan {
        kind: Kind::Pipe,
        extra_cells: 4,
        extent_bytes: 2 * limits.channel_bytes(),
    })?;
    near.body(ITEMS).store(limits.items, Ordering::Relaxed);
    near.body(BYTES).store(limits.bytes, Ordering::Release);
    let far = near.another()?;
    far.reference_word(SIDE).store(1, Ordering::Release);
    Ok((PipeEnd::of(near)?, PipeEnd::of(far)?))
}

/// One end of a pipe, made by [`pipe`]: sends `S` and receives `R`.
///
/// An end belongs to one process at a time. It can be sent to another, as an argument, in a job, through a queue or
/// another pipe. After that it cannot be used here, and every call fails with [`PutErrorKind::Moved`] or
/// [`GetError::Moved`]. If the message that contains it could not be sent, it is usable again.
///
/// If the other end is dropped, lost in flight, or its process ends or is killed, sending fails with
/// [`PutErrorKind::Closed`] at once, and receiving fails with [`GetError::Closed`] once all that was sent before has
/// been received. A waiting thread notices a kill within about 25 ms.
///
/// An end cannot be copied, nor shared between threads without a lock, because two threads that receive from one end
/// would each see half of the conversation:
///
/// ```compile_fail,E0599
/// let (one, other) = sync::pipe::<u32, u32>().unwrap();
/// let copy = one.clone();
/// ```
/// ```compile_fail,E0277
/// let (one, other) = sync::pipe::<u32, u32>().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(|| one.send(1));
///     scope.spawn(|| one.send(2));
/// });
/// ```
/// With a mutex the second is allowed:
/// ```
/// let (one, other) = sync::pipe::<u32, u32>().unwrap();
/// let one = std::sync::Mutex::new(one);
/// std::thread::scope(|scope| {
///     scope.spawn(|| one.lock().unwrap().send(1).unwrap());
///     scope.spawn(|| one.lock().unwrap().send(2).unwrap());
/// });
/// assert_eq!(other.recv().unwrap() + other.recv().unwrap(), 3);
/// ```
pub struct PipeEnd<S, R> {
    reference: Arc<Reference>,
    outward: TypedChannel,
    inward: TypedChannel,
    items: Carries<S, R>,
}

impl<S, R> PipeEnd<S, R> {
    fn of(reference: Reference) -> Result<Self, SharedHeapError> {
        let [first, second] = typed_channel::channels(&reference)?;
        let is_far = reference.reference_word(SIDE).load(Ordering::Acquire) != 0;
        let (outward, inward) = if is_far { (second, first) } else { (first, second) };
        Ok(Self {
            reference: Arc::new(reference),
            outward,
            inward,
            items: PhantomData,
        })
    }

    fn is_moved(&self) -> bool {
        self.reference.moved.load(Ordering::Acquire)
    }

    /// Whether the other end is gone. What it sent before can still be received.
    pub fn is_closed(&self) -> bool {
        self.reference.participant().reclaim();
        self.inward.is_closed()
    }

    /// How many items can be received without waiting.
    pub fn pending(&self) -> usize {
        self.inward.length()
    }
}

impl<S: Serialize, R> PipeEnd<S, R> {
    /// Sends an item, waiting while there is no room.
    ///
    /// # Errors
    /// With the item: if the other end is gone, this one was sent away, or the item is too large or cannot be encoded.
    pub fn send(&self, item: S) -> Result<(), PutError<S>> {
        self.send_for(item, WaitMode::Forever)
    }

    /// Sends an item if there is room.
    ///
    /// # Errors
    /// [`PutErrorKind::Full`] if there is none; else as [`PipeEnd::send`].
    pub fn try_send(&self, item: S) -> Result<(), PutError<S>> {
        self.send_for(item, WaitMode::Try)
    }

    /// Sends an item, waiting for room for at most `timeout`.
    ///
    /// # Errors
    /// [`PutErrorKind::TimedOut`] if there was none during that time; else as [`PipeEnd::send`].
    pub fn send_timeout(&self, item: S, timeout: Duration) -> Result<(), PutError<S>> {
        self.send_for(item, WaitMode::timeout(timeout))
    }

    fn send_for(&self, item: S, mode: WaitMode) -> Result<(), PutError<S>> {
        if self.is_moved() {
            return Err(PutError::new(item, PutErrorKind::Moved));
        }
        // The other end may have just died: sending to it must fail.
        self.reference.participant().reclaim();
        self.outward.put(&self.reference, item, mode)
    }
}

impl<S, R: DeserializeOwned> PipeEnd<S, R> {
    /// Receives an item, waiting until there is one.
    ///
    /// # Errors
    /// [`GetError::Closed`] if the other end is gone and all has been received; [`GetError::Moved`] if this one was
    /// sent away; [`GetError::Decoding`] if the item is no `R`.
    pub fn recv(&self) -> Result<R, GetError> {
        self.recv_for(WaitMode::Forever)
    }

    /// Receives an item if there is one.
    ///
    /// # Errors
    /// [`GetError::Empty`] if there is none; else as [`PipeEnd::recv`].
    pub fn try_recv(&self) -> Result<R, GetError> {
        self.reference.participant().reclaim();
        self.recv_for(WaitMode::Try)
    }

    /// Receives an item, waiting for at most `timeout`.
    ///
    /// # Errors
    /// [`GetError::TimedOut`] if there was none during that time; else as [`PipeEnd::recv`].
    pub fn recv_timeout(&self, timeout: Duration) -> Result<R, GetError> {
        self.recv_for(WaitMode::timeout(timeout))
    }

    fn recv_for(&self, mode: WaitMode) -> Result<R, GetError> {
        if self.is_moved() {
            return Err(GetError::Moved);
        }
        self.inward.get(&self.reference, mode)
    }
}

impl<S, R> fmt::Debug for PipeEnd<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipeEnd")
            .field("pending", &self.pending())
            .field("closed", &self.inward.is_closed())
            .field("moved", &self.is_moved())
            .finish_non_exhaustive()
    }
}

impl<S, R> Serialize for PipeEnd<S, R> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.reference.serialize_move(serializer)
    }
}

impl<'de, S, R> Deserialize<'de> for PipeEnd<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Reference::deserialize(deserializer, Kind::Pipe)?)
            .map_err(|error| refuse(&error, D::Error::custom))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{decode_argument, encode_argument};

    use crate::{Queue, object::in_flight::HandlesInFlight};

    #[test]
    fn it_carries_in_both_directions_and_drains_before_it_ends() {
        let (parent, child) = pipe::<u32, String>().unwrap();
        parent.send(7).unwrap();
        assert_eq!(child.recv().unwrap(), 7);
        child.send("seven".to_owned()).unwrap();
        drop(child);
        assert!(parent.is_closed());
        assert_eq!(parent.recv().unwrap(), "seven");
        assert!(matches!(parent.recv(), Err(GetError::Closed)));
        let refused = parent.send(8).unwrap_err();
        assert!(matches!(refused.kind(), PutErrorKind::Closed));
        assert_eq!(refused.into_item(), 8);
    }

    #[test]
    fn an_end_sent_away_is_unusable_here_and_received_once() {
        let (near, far) = pipe::<u32, u32>().unwrap();
        let mut bytes = Vec::new();
        encode_argument(&far, &mut bytes).unwrap();
        assert!(matches!(far.recv(), Err(GetError::Moved)));
        assert!(matches!(far.send(1).unwrap_err().kind(), PutErrorKind::Moved));
        assert!(encode_argument(&far, &mut Vec::new()).is_err());
        drop(far);
        let received: PipeEnd<u32, u32> = decode_argument(&bytes).unwrap();
        let again = decode_argument::<PipeEnd<u32, u32>>(&bytes).unwrap_err();
        assert!(again.to_string().contains("received before"), "{again}");
        near.send(5).unwrap();
        assert_eq!(received.recv().unwrap(), 5);
    }

    #[test]
    fn an_end_comes_back_when_its_message_could_not_be_sent() {
        let queue = Queue::bounded(1).unwrap();
        let (near, far) = pipe::<u32, u32>().unwrap();
        let (_, other) = pipe::<u32, u32>().unwrap();
        queue.put(other).unwrap();
        let far = queue.try_put(far).unwrap_err().into_item();
        near.send(5).unwrap();
        assert_eq!(far.recv().unwrap(), 5);
    }

    #[test]
    fn an_end_lost_in_flight_closes_the_pipe() {
        let (near, far) = pipe::<u32, u32>().unwrap();
        let (encoded, handles) = HandlesInFlight::collect(|| encode_argument(&far, &mut Vec::new()));
        encoded.unwrap();
        assert!(!near.is_closed());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(move || matches!(near.recv(), Err(GetError::Closed)));
            drop(handles);
            assert!(waiting.join().unwrap());
        });
    }
}
