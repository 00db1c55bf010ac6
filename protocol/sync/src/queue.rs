//! A queue between processes: one typed channel with many producers and consumers.
//!
//! Owns the handle of a queue. How items are encoded is [`typed_channel`]'s part.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use protocol::refuse;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};

use crate::{
    heap::{
        error::SharedHeapError,
        objects::{Kind, Plan},
    },
    item_error::{GetError, PutError},
    object::{
        channel_memory::{BYTES, ITEMS, Limits},
        reference::Reference,
    },
    typed_channel::{self, TypedChannel},
    word::wait::WaitMode,
};

/// How many items a queue holds by default.
pub const DEFAULT_ITEMS: usize = 1024;

/// How many bytes of encoded items a queue holds by default: 1 MiB.
pub const DEFAULT_BYTES: usize = 1 << 20;

/// A first-in, first-out queue between the threads of all processes of a process tree, with many producers and
/// consumers.
///
/// The queue is bounded in items and in bytes: [`Queue::put`] waits while there is no room. Its memory is allocated
/// when it is created, so that a put never fails for lack of memory.
///
/// A process that is killed during an operation leaves the queue whole: an item is in it completely or not at all, no
/// item is delivered twice, and none is lost except one that the killed process had just taken. No thread waits for a
/// dead process for more than about 25 ms. Handles of shared objects can be put like any other value.
///
/// ```
/// use sync::{GetError, Queue};
///
/// let queue = Queue::new()?;
/// let producer = queue.clone();
/// std::thread::spawn(move || {
///     for number in 0..100_u64 {
///         producer.put(number).unwrap();
///     }
///     producer.close().unwrap();
/// });
/// let numbers: Result<Vec<u64>, GetError> = queue.iter().collect();
/// assert!(numbers?.into_iter().eq(0..100));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Queue<T> {
    reference: Arc<Reference>,
    channel: TypedChannel,
    items: PhantomData<fn(T) -> T>,
}

impl<T> Queue<T> {
    /// Creates a queue of [`DEFAULT_ITEMS`] and [`DEFAULT_BYTES`].
    ///
    /// # Errors
    /// If the system lacks what shared objects need, or has run out of it.
    pub fn new() -> Result<Self, SharedHeapError> {
        Self::with_limits(DEFAULT_ITEMS, DEFAULT_BYTES)
    }

    /// Creates a queue of this many items, and [`DEFAULT_BYTES`].
    ///
    /// # Errors
    /// [`SharedHeapError::Impossible`] for a queue of no items; else as [`Queue::new`].
    pub fn bounded(items: usize) -> Result<Self, SharedHeapError> {
        Self::with_limits(items, DEFAULT_BYTES)
    }

    /// Creates a queue of this many items and this many bytes of encoded items, which is also the limit for one item.
    ///
    /// # Errors
    /// [`SharedHeapError::Impossible`] for a queue without room, or of more than 2^28 items or 2^32 - 1 bytes; else as
    /// [`Queue::new`].
    pub fn with_limits(items: usize, bytes: usize) -> Result<Self, SharedHeapError> {
        let limits = Limits::new(items, bytes)?;
        let reference = Reference::create(Plan {
            kind: Kind::Queue,
            extra_cells: 2,
            extent_bytes: limits.channel_bytes(),
        })?;
        reference.body(ITEMS).store(limits.items, Ordering::Relaxed);
        reference.body(BYTES).store(limits.bytes, Ordering::Release);
        Self::of(reference)
    }

    #[cfg(test)]
    pub(crate) fn reference(&self) -> &Reference {
        &self.reference
    }

    fn of(reference: Reference) -> Result<Self, SharedHeapError> {
        let [channel] = typed_channel::channels(&reference)?;
        Ok(Self {
            channel,
            reference: Arc::new(reference),
            items: PhantomData,
        })
    }

    /// Closes the queue: nothing can be put any more, and once it is empty, getting fails instead of waiting.
    ///
    /// # Errors
    /// [`SharedHeapError::Forked`] only.
    pub fn close(&self) -> Result<(), SharedHeapError> {
        self.channel.close(&self.reference)
    }

    /// Whether the queue is closed. It may still contain items.
    pub fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// How many items are in the queue.
    pub fn len(&self) -> usize {
        self.channel.length()
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items the queue can hold.
    pub fn item_limit(&self) -> usize {
        self.channel.limits().items as usize
    }

    /// How many bytes of encoded items the queue can hold.
    pub fn byte_limit(&self) -> usize {
        self.channel.limits().bytes as usize
    }
}

impl<T: Serialize> Queue<T> {
    /// Puts an item at the end, waiting while there is no room.
    ///
    /// # Errors
    /// With the item: if the queue is closed, or the item is too large or cannot be encoded.
    pub fn put(&self, item: T) -> Result<(), PutError<T>> {
        self.channel.put(&self.reference, item, WaitMode::Forever)
    }

    /// Puts an item at the end if there is room.
    ///
    /// # Errors
    /// [`crate::PutErrorKind::Full`] if there is none; else as [`Queue::put`].
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.channel.put(&self.reference, item, WaitMode::Try)
    }

    /// Puts an item at the end, waiting for room for at most `timeout`.
    ///
    /// # Errors
    /// [`crate::PutErrorKind::TimedOut`] if there was none during that time; else as [`Queue::put`].
    pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.channel
            .put(&self.reference, item, WaitMode::timeout(timeout))
    }
}

impl<T: DeserializeOwned> Queue<T> {
    /// Takes the first item, waiting until there is one.
    ///
    /// # Errors
    /// [`GetError::Closed`] if the queue is closed and empty; [`GetError::Decoding`] if the item is no `T`.
    pub fn get(&self) -> Result<T, GetError> {
        self.channel.get(&self.reference, WaitMode::Forever)
    }

    /// Takes the first item if there is one.
    ///
    /// # Errors
    /// [`GetError::Empty`] if there is none; else as [`Queue::get`].
    pub fn try_get(&self) -> Result<T, GetError> {
        self.channel.get(&self.reference, WaitMode::Try)
    }

    /// Takes the first item, waiting for at most `timeout`.
    ///
    /// # Errors
    /// [`GetError::TimedOut`] if there was none during that time; else as [`Queue::get`].
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        self.channel.get(&self.reference, WaitMode::timeout(timeout))
    }

    /// Takes items, waiting for each, until the queue is closed and empty.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter {
            queue: self,
            is_over: false,
        }
    }
}

/// The items of a [`Queue`] as they come, until it is closed.
#[derive(Debug)]
pub struct Iter<'a, T> {
    queue: &'a Queue<T>,
    is_over: bool,
}

impl<T: DeserializeOwned> Iterator for Iter<'_, T> {
    type Item = Result<T, GetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let item = self.queue.get();
        self.is_over = matches!(item, Err(GetError::Closed | GetError::SharedHeap(_)));
        (!matches!(item, Err(GetError::Closed))).then_some(item)
    }
}

impl<T: DeserializeOwned> std::iter::FusedIterator for Iter<'_, T> {}

impl<'a, T: DeserializeOwned> IntoIterator for &'a Queue<T> {
    type Item = Result<T, GetError>;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            reference: Arc::clone(&self.reference),
            channel: self.channel.clone(),
            items: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("len", &self.len())
            .field("item_limit", &self.item_limit())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

impl<T> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.reference.serialize_copy(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(Reference::deserialize(deserializer, Kind::Queue)?)
            .map_err(|error| refuse(&error, D::Error::custom))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, PutErrorKind, heap::table::LOCKINGS, pipe};

    #[test]
    fn it_is_first_in_first_out_and_bounded_in_items() {
        let queue = Queue::bounded(2).unwrap();
        queue.put("one".to_owned()).unwrap();
        queue.try_put("two".to_owned()).unwrap();
        let full = queue.try_put("three".to_owned()).unwrap_err();
        assert!(matches!(full.kind(), PutErrorKind::Full));
        assert_eq!(full.into_item(), "three", "the item comes back");
        let late = queue.put_timeout("three".to_owned(), Duration::from_millis(12));
        assert!(matches!(late.unwrap_err().kind(), PutErrorKind::TimedOut));
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.get().unwrap(), "one");
        assert_eq!(queue.try_get().unwrap(), "two");
        assert!(matches!(queue.try_get(), Err(GetError::Empty)));
        let late = queue.get_timeout(Duration::from_millis(12));
        assert!(matches!(late, Err(GetError::TimedOut)));
    }

    #[test]
    fn it_is_bounded_in_bytes_and_names_the_limit() {
        let queue = Queue::with_limits(10, 100).unwrap();
        let error = queue.put(vec![1_u8; 101]).unwrap_err();
        assert!(error.to_string().contains("limit is 100"), "{error}");
        for round in 0..50_u8 {
            queue.put(vec![round; 60]).unwrap();
            assert!(
                queue.try_put(vec![round; 60]).is_err(),
                "there is no room for two"
            );
            queue.try_put(vec![round; 30]).unwrap();
            assert_eq!(queue.get().unwrap(), [round; 60]);
            assert_eq!(queue.get().unwrap(), [round; 30]);
        }
    }

    #[test]
    fn a_queue_without_room_cannot_be_created() {
        for (items, bytes) in [(0, 1), (1, 0), (usize::MAX, 1), (1, usize::MAX)] {
            let error = Queue::<u8>::with_limits(items, bytes).unwrap_err();
            assert!(matches!(error, SharedHeapError::Impossible { .. }), "{error}");
        }
        let smallest = Queue::with_limits(1, 1).unwrap();
        smallest.put(1_u8).unwrap();
        assert!(smallest.try_put(2).is_err());
    }

    #[test]
    fn a_closed_queue_is_emptied_first() {
        let queue = Queue::new().unwrap();
        queue.put(1_u32).unwrap();
        queue.close().unwrap();
        let refused = queue.put(2).unwrap_err();
        assert!(matches!(refused.kind(), PutErrorKind::Closed));
        assert!(queue.iter().map(Result::unwrap).eq([1]));
        assert!(matches!(queue.get(), Err(GetError::Closed)));
    }

    #[test]
    fn closing_wakes_all_who_wait() {
        let (empty, full) = (Queue::<u32>::new().unwrap(), Queue::bounded(1).unwrap());
        full.put(1_u32).unwrap();
        std::thread::scope(|scope| {
            let getters = [(); 3].map(|()| scope.spawn(|| empty.get().is_err()));
            let putters = [(); 3].map(|()| scope.spawn(|| full.put(2).is_err()));
            empty.close().unwrap();
            full.close().unwrap();
            assert!(getters.into_iter().all(|thread| thread.join().unwrap()));
            assert!(putters.into_iter().all(|thread| thread.join().unwrap()));
        });
    }

    #[test]
    fn many_producers_and_consumers_lose_and_double_nothing() {
        let queue = Queue::with_limits(7, 300).unwrap();
        let taken = std::thread::scope(|scope| {
            let consumers: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| queue.iter().map(Result::unwrap).collect::<Vec<(u32, u32)>>()))
                .collect();
            let producers: Vec<_> = (0..3)
                .map(|producer| {
                    let queue = &queue;
                    scope.spawn(move || (0..4000).for_each(|number| queue.put((producer, number)).unwrap()))
                })
                .collect();
            for producer in producers {
                producer.join().unwrap();
            }
            queue.close().unwrap();
            let taken = consumers.into_iter().map(|consumer| consumer.join().unwrap());
            taken.collect::<Vec<_>>()
        });
        for one in &taken {
            for producer in 0..3 {
                assert!(one.iter().filter(|item| item.0 == producer).is_sorted());
            }
        }
        let mut all: Vec<_> = taken.concat();
        all.sort_unstable();
        let expected = (0..3).flat_map(|producer| (0..4000).map(move |number| (producer, number)));
        assert!(all.into_iter().eq(expected));
    }

    #[test]
    fn handles_go_through_it_and_end_with_it() {
        let queue = Queue::new().unwrap();
        let event = Event::new().unwrap();
        queue.put(event.clone()).unwrap();
        let received = queue.get().unwrap();
        received.set();
        assert!(event.is_set());
        let (near, far) = pipe::<u8, u8>().unwrap();
        let ends = Queue::new().unwrap();
        ends.put(far).unwrap();
        near.send(1).unwrap();
        drop(ends);
        assert!(near.is_closed(), "the end that was in it is gone with it");
    }

    #[test]
    fn a_handle_is_put_with_the_table_locked_once() {
        let lockings = |put: &dyn Fn()| {
            let before = LOCKINGS.get();
            put();
            LOCKINGS.get() - before
        };
        let (events, ends) = (Queue::new().unwrap(), Queue::new().unwrap());
        let event = Event::new().unwrap();
        assert_eq!(
            lockings(&|| events.put([event.clone(), event.clone()]).unwrap()),
            2
        );
        let end = std::cell::Cell::new(Some(pipe::<u8, u8>().unwrap().1));
        assert_eq!(lockings(&|| ends.put(end.take().unwrap()).unwrap()), 1);
        assert!(events.get().unwrap().iter().all(|event| !event.is_set()));
        assert!(ends.get().unwrap().is_closed());
    }

    #[test]
    fn queues_in_queues_end_with_the_outermost() {
        let mut inner = Queue::<Vec<u8>>::new().unwrap();
        inner.put(b"the core".to_vec()).unwrap();
        let (near, far) = pipe::<u8, u8>().unwrap();
        let ends = Queue::new().unwrap();
        ends.put(far).unwrap();
        let mut bytes = Vec::new();
        protocol::encode_argument(&ends, &mut bytes).unwrap();
        drop(ends);
        // Any queue may contain any queue: their handles are all alike.
        for _ in 0..50 {
            let outer = Queue::<Queue<Vec<u8>>>::with_limits(2, 200).unwrap();
            outer.put(inner).unwrap();
            let mut bytes = Vec::new();
            protocol::encode_argument(&outer, &mut bytes).unwrap();
            inner = protocol::decode_argument(&bytes).unwrap();
        }
        let holder = Queue::<Queue<crate::PipeEnd<u8, u8>>>::new().unwrap();
        holder.put(protocol::decode_argument(&bytes).unwrap()).unwrap();
        assert!(!near.is_closed());
        drop(holder);
        assert!(near.is_closed());
        drop(inner);
    }

    #[test]
    fn an_item_that_does_not_decode_is_an_error_and_lost() {
        let texts = Queue::<String>::new().unwrap();
        let mut bytes = Vec::new();
        protocol::encode_argument(&texts, &mut bytes).unwrap();
        let raw: Queue<Vec<u8>> = protocol::decode_argument(&bytes).unwrap();
        raw.put(vec![0xff, 0xfe]).unwrap();
        texts.put("fine".to_owned()).unwrap();
        assert!(matches!(texts.get(), Err(GetError::Decoding(_))));
        assert_eq!(texts.get().unwrap(), "fine");
    }
}
