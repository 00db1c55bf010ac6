//! A shared value with the lock that protects it.
//!
//! Owns the two copies of the value, and which of them is current. The lock is [`crate::Lock`]'s.

use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytemuck::Pod;
use protocol::{Mapping, refuse};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    heap::{
        error::SharedHeapError,
        objects::{Kind, Plan, extent},
    },
    lock::{Lock, LockGuard},
    lock_error::LockError,
    object::reference::Reference,
};

/// In the body: which copy is the value.
const CURRENT: u64 = 1;
/// In the body: the first word of small copies.
const INLINE: u64 = 2;
/// The most bytes of a copy in the body, which has room for two copies of three words.
const INLINE_BYTES: usize = 8 * INLINE_WORDS;
const INLINE_WORDS: usize = 3;

/// A value in shared memory, and the lock that protects it: what [`std::sync::Mutex`] is between threads.
///
/// `T` is plain data, as the crate `bytemuck` defines it: numbers, arrays of them, and structures that derive
/// `bytemuck::Pod`. The guard works on a copy of its own, which becomes the value in one step when the guard is
/// dropped. A holder that panics or is killed leaves the value as it was before, or, if it was killed after that step,
/// as it was to be, and never a mixture. The lock is poisoned all the same, as a [`Lock`] is. Meant for values of up to
/// some kilobytes.
///
/// ```
/// use sync::Value;
///
/// let counter = Value::new(0_u64)?;
/// let other = counter.clone();
/// std::thread::spawn(move || *other.lock().unwrap() += 1).join().unwrap();
/// *counter.lock().unwrap() += 1;
/// assert_eq!(*counter.lock().unwrap(), 2);
/// # Ok::<(), sync::SharedHeapError>(())
/// ```
pub struct Value<T> {
    lock: Lock,
    copies: Copies,
    of: PhantomData<fn() -> T>,
}

/// The place of the two copies.
#[derive(Debug, Clone)]
enum Copies {
    Inline([&'static AtomicU64; 2 * INLINE_WORDS]),
    Extent(Arc<Mapping>),
}

/// Holds a [`Value`]'s lock, and gives access to the value.
#[must_use = "the lock is free again as soon as its guard is dropped"]
pub struct ValueGuard<'a, T: Pod> {
    value: &'a Value<T>,
    working: T,
    is_changed: bool,
    // Dropped last: the value is written while the lock is held.
    guard: LockGuard<'a>,
}

impl<T: Pod> Value<T> {
    /// Creates a shared value.
    ///
    /// # Errors
    /// If the system lacks what shared objects need, or has run out of it.
    pub fn new(value: T) -> Result<Self, SharedHeapError> {
        let mut plan = Plan::new(Kind::Value);
        if size_of::<T>() > INLINE_BYTES {
            plan.extent_bytes = 2 * size_of::<T>() as u64;
        }
        let shared = Self::of(Reference::create(plan)?)?;
        shared.write(0, &value);
        Ok(shared)
    }

    fn of(reference: Reference) -> Result<Self, SharedHeapError> {
        let (place, length) = extent(reference.participant().arena(), reference.object());
        let copies = if length == 0 {
            Copies::Inline(std::array::from_fn(|index| reference.body(INLINE + index as u64)))
        } else {
            Copies::Extent(Arc::new(reference.participant().arena().map(place, length)?))
        };
        Ok(Self {
            lock: Lock::of(reference),
            copies,
            of: PhantomData,
        })
    }

    /// Acquires the lock, waiting as long as another thread holds it.
    ///
    /// # Errors
    /// As [`Lock::lock`].
    #[inline]
    pub fn lock(&self) -> Result<ValueGuard<'_, T>, LockError<ValueGuard<'_, T>>> {
        self.guarded(self.lock.lock())
    }

    /// Acquires the lock if it is free.
    ///
    /// # Errors
    /// As [`Lock::try_lock`].
    pub fn try_lock(&self) -> Result<ValueGuard<'_, T>, LockError<ValueGuard<'_, T>>> {
        self.guarded(self.lock.try_lock())
    }

    /// Acquires the lock, waiting for at most `timeout`.
    ///
    /// # Errors
    /// As [`Lock::lock_timeout`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<ValueGuard<'_, T>, LockError<ValueGuard<'_, T>>> {
        self.guarded(self.lock.lock_timeout(timeout))
    }

    /// Whether an earlier holder failed.
    pub fn is_poisoned(&self) -> bool {
        self.lock.is_poisoned()
    }

    /// Clears the poison.
    pub fn clear_poison(&self) {
        self.lock.clear_poison();
    }

    #[inline]
    fn guarded<'a>(
        &'a self,
        locked: Result<LockGuard<'a>, LockError<LockGuard<'a>>>,
    ) -> Result<ValueGuard<'a, T>, LockError<ValueGuard<'a, T>>> {
        let guarded = |guard| ValueGuard {
            value: self,
            working: self.read(),
            is_changed: false,
            guard,
        };
        locked.map(guarded).map_err(|error| error.map(guarded))
    }

    /// Which copy is the value. The caller holds the lock, or has just created the object.
    fn current(&self) -> &AtomicU64 {
        self.lock.reference().body(CURRENT)
    }

    #[inline]
    fn read(&self) -> T {
        let mut value = T::zeroed();
        let bytes = bytemuck::bytes_of_mut(&mut value);
        // Acquire: after a holder that was killed between its write and its release, the lock itself orders nothing.
        let copy = self.current().load(Ordering::Acquire) as usize & 1;
        match &self.copies {
            Copies::Inline(words) => {
                for (bytes, word) in bytes.chunks_mut(8).zip(&words[copy * INLINE_WORDS..]) {
                    bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes()[..bytes.len()]);
                }
            }
            Copies::Extent(mapping) => mapping.read_into(copy * bytes.len(), bytes),
        }
        value
    }

    #[inline]
    fn write(&self, copy: usize, value: &T) {
        let bytes = bytemuck::bytes_of(value);
        match &self.copies {
            Copies::Inline(words) => {
                for (bytes, word) in bytes.chunks(8).zip(&words[copy * INLINE_WORDS..]) {
                    let mut padded = [0; 8];
                    padded[..bytes.len()].copy_from_slice(bytes);
                    word.store(u64::from_ne_bytes(padded), Ordering::Relaxed);
                }
            }
            Copies::Extent(mapping) => mapping.write(copy * bytes.len(), bytes),
        }
    }

    /// Makes `value` the value, in one step.
    fn replace(&self, value: &T) {
        let other = (self.current().load(Ordering::Relaxed) & 1) ^ 1;
        self.write(other as usize, value);
        self.current().store(other, Ordering::Release);
    }
}

impl<'a, T: Pod> ValueGuard<'a, T> {
    /// The value whose lock is held.
    pub(crate) fn value(&self) -> &'a Value<T> {
        self.value
    }
}

impl<T: Pod> Drop for ValueGuard<'_, T> {
    fn drop(&mut self) {
        if self.is_changed && !self.guard.is_failing() {
            self.value.replace(&self.working);
        }
    }
}

impl<T: Pod> Deref for ValueGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.working
    }
}

impl<T: Pod> DerefMut for ValueGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.is_changed = true;
        &mut self.working
    }
}

impl<T> Clone for Value<T> {
    fn clone(&self) -> Self {
        Self {
            lock: self.lock.clone(),
            copies: self.copies.clone(),
            of: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value")
            .field("poisoned", &self.lock.is_poisoned())
            .finish_non_exhaustive()
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for ValueGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValueGuard").field(&self.working).finish()
    }
}

impl<T> Serialize for Value<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lock.reference().serialize_copy(serializer)
    }
}

impl<'de, T: Pod> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reference = Reference::deserialize(deserializer, Kind::Value)?;
        let bytes = extent(reference.participant().arena(), reference.object()).1;
        if bytes != 0 && bytes != 2 * size_of::<T>() as u64 || bytes == 0 && size_of::<T>() > INLINE_BYTES {
            return Err(refuse(&"a shared value of another type", D::Error::custom));
        }
        Self::of(reference).map_err(|error| refuse(&error, D::Error::custom))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_kept<T: Pod + PartialEq + fmt::Debug>(first: T, second: T) {
        let value = Value::new(first).unwrap();
        let other = value.clone();
        assert_eq!(*value.lock().unwrap(), first);
        *other.lock().unwrap() = second;
        assert_eq!(*value.lock().unwrap(), second);
        let thread = std::thread::spawn(move || {
            let mut guard = other.lock().unwrap();
            *guard = T::zeroed();
            panic!("half-way");
        });
        assert!(thread.join().is_err());
        let Err(LockError::Poisoned(poisoned)) = value.lock() else {
            panic!("the panic was not reported");
        };
        assert_eq!(*poisoned.into_guard(), second, "a failed change is undone");
    }

    #[test]
    fn values_of_all_sizes_are_kept_and_a_failed_change_is_undone() {
        is_kept(7_u8, 8);
        is_kept([1_u8; 5], [2; 5]);
        is_kept(1.5_f64, 2.5);
        is_kept([1_u64; 3], [2; 3]);
        is_kept([1_u8; 25], [2; 25]);
        is_kept([3_u32; 4000], [4; 4000]);
        is_kept((), ());
    }

    #[test]
    fn a_value_of_another_size_is_refused() {
        let value = Value::new([0_u64; 100]).unwrap();
        let mut bytes = Vec::new();
        protocol::encode_argument(&value, &mut bytes).unwrap();
        assert!(protocol::decode_argument::<Value<[u64; 101]>>(&bytes).is_err());
        assert!(protocol::decode_argument::<Value<[u64; 100]>>(&bytes).is_ok());
    }
}
