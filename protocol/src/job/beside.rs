//! What a value leaves beside its encoding.
//!
//! Some values are encoded in two parts: a short reference in the encoding, and an item that travels beside it. Large
//! [`Bytes`](crate::Bytes) do this, so that they need not be copied through the encoding, and so do the handles of objects
//! that processes share, which must be accounted for until they are received.
//!
//! Owns the mechanism that joins the two while a value is encoded: [`collect`] opens a collection for the current thread,
//! a `Serialize` implementation leaves an item in it with [`leave`], and `collect` returns what was left. Collections
//! nest: a value that encodes another one meanwhile gives that one a collection of its own. A collection is closed also if
//! the encoding panics.
//!
//! It does not know what the items are, where they lie while they travel, or how a decoder finds them again: each kind of
//! item implements [`Beside`] for that, here ([`crate::payload::attachment`]) or in another crate.

use std::{
    cell::{Cell, RefCell},
    thread::LocalKey,
};

/// A kind of item that values leave beside their encodings. Each kind has collections of its own.
///
/// ```
/// use protocol::job::beside::{Beside, Collection, collect, leave};
/// use std::{cell::{Cell, RefCell}, thread::LocalKey};
///
/// #[derive(Debug, PartialEq)]
/// struct Note(u8);
///
/// thread_local! {
///     static COLLECTION: Cell<Collection<()>> = const { Cell::new(Collection::closed(())) };
///     static LEFT: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
/// }
///
/// impl Beside for Note {
///     type Context = ();
///
///     fn collection() -> &'static LocalKey<Cell<Collection<()>>> {
///         &COLLECTION
///     }
///
///     fn left() -> &'static LocalKey<RefCell<Vec<Self>>> {
///         &LEFT
///     }
/// }
///
/// let (numbers, notes) = collect::<Note, _>((), || [leave(Note(7)), leave(Note(8))]);
/// assert_eq!((numbers, &*notes), ([Some(0), Some(1)], &[Note(7), Note(8)][..]));
/// assert_eq!(leave(Note(9)), None, "no collection is open");
/// ```
pub trait Beside: Sized + 'static {
    /// What the caller of [`collect`] passes to the values that are encoded in its collection.
    type Context: Copy + 'static;

    /// The innermost collection of the current thread.
    ///
    /// It is separate from the items, and without a destructor, because it is read and written for every job, whether the
    /// job leaves an item or not.
    fn collection() -> &'static LocalKey<Cell<Collection<Self::Context>>>;

    /// The items in all open collections of the current thread, those of the innermost last.
    fn left() -> &'static LocalKey<RefCell<Vec<Self>>>;

    /// Disposes of the items of a collection whose encoding panicked. It is not called without items.
    fn abandon(items: Vec<Self>) {
        drop(items);
    }
}

/// A thread's innermost collection: which of the thread's items are in it, and its context.
#[derive(Debug, Clone, Copy)]
pub struct Collection<C> {
    /// The number of items in the collections around it; `NONE` while no collection is open.
    base: u32,
    /// The number of items in it and in those around it.
    end: u32,
    context: C,
}

/// The `base` of no collection.
const NONE: u32 = u32::MAX;

impl<C> Collection<C> {
    /// No collection, which is what every thread begins with. Outside of a collection, [`context`] is `context`.
    pub const fn closed(context: C) -> Self {
        Self {
            base: NONE,
            end: 0,
            context,
        }
    }
}

/// A collection that is open; closes it when it is dropped.
struct Open<T: Beside> {
    outer: Collection<T::Context>,
}

impl<T: Beside> Open<T> {
    #[inline]
    fn begin(context: T::Context) -> Self {
        let outer = T::collection().get();
        T::collection().set(Collection {
            base: outer.end,
            end: outer.end,
            context,
        });
        Self { outer }
    }

    /// Removes the items that were left since the collection was opened, or since this was last called.
    #[inline]
    fn take(&self) -> Vec<T> {
        if self.is_empty() {
            return Vec::new();
        }
        self.take_some()
    }

    #[inline]
    fn is_empty(&self) -> bool {
        T::collection().get().end == self.outer.end
    }

    #[cold]
    fn take_some(&self) -> Vec<T> {
        let end = self.outer.end;
        let collection = T::collection().get();
        T::collection().set(Collection { end, ..collection });
        T::left().with_borrow_mut(|left| left.split_off(end as usize))
    }

    #[cold]
    fn abandon(&self) {
        let items = self.take_some();
        T::collection().set(self.outer);
        T::abandon(items);
    }
}

impl<T: Beside> Drop for Open<T> {
    #[inline]
    fn drop(&mut self) {
        if self.is_empty() {
            T::collection().set(self.outer);
        } else {
            self.abandon();
        }
    }
}

/// Runs `encode`, and returns its result with the items that were left meanwhile, in the order of their numbers.
///
/// Another value may be encoded in the same way within it.
#[inline]
pub fn collect<T: Beside, R>(context: T::Context, encode: impl FnOnce() -> R) -> (R, Vec<T>) {
    let open = Open::<T>::begin(context);
    let result = encode();
    let items = open.take();
    (result, items)
}

/// Whether a collection is open in the current thread.
#[inline]
pub fn is_open<T: Beside>() -> bool {
    T::collection().get().base != NONE
}

/// The context of the innermost collection; outside of any, that of [`Collection::closed`].
#[inline]
pub fn context<T: Beside>() -> T::Context {
    T::collection().get().context
}

/// Leaves an item in the innermost collection and returns its number there, counted from 0.
///
/// Returns `None`, and drops the item, if no collection is open, if it holds four billion items (they would not fit into
/// any message), or while the thread's local values are being destroyed.
pub fn leave<T: Beside>(item: T) -> Option<u32> {
    let collection = T::collection().get();
    let end = collection.end.checked_add(1).filter(|end| *end != NONE)?;
    let number = collection.end.checked_sub(collection.base)?;
    T::left().try_with(|left| left.borrow_mut().push(item)).ok()?;
    T::collection().set(Collection { end, ..collection });
    Some(number)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Item(u8);

    thread_local! {
        static COLLECTION: Cell<Collection<char>> = const { Cell::new(Collection::closed('-')) };
        static LEFT: RefCell<Vec<Item>> = const { RefCell::new(Vec::new()) };
        static ABANDONED: RefCell<Vec<Item>> = const { RefCell::new(Vec::new()) };
    }

    impl Beside for Item {
        type Context = char;

        fn collection() -> &'static LocalKey<Cell<Collection<char>>> {
            &COLLECTION
        }

        fn left() -> &'static LocalKey<RefCell<Vec<Self>>> {
            &LEFT
        }

        fn abandon(items: Vec<Self>) {
            assert_eq!(
                context::<Item>(),
                'o',
                "the collection around it is the innermost again"
            );
            ABANDONED.with_borrow_mut(|abandoned| abandoned.extend(items));
        }
    }

    #[test]
    fn a_collection_within_another_has_its_own_items_and_context() {
        let ((), outer) = collect::<Item, _>('o', || {
            assert_eq!(leave(Item(1)), Some(0));
            let ((), inner) = collect::<Item, _>('i', || {
                assert_eq!(context::<Item>(), 'i');
                assert_eq!((leave(Item(2)), leave(Item(3))), (Some(0), Some(1)));
            });
            assert_eq!(inner, [Item(2), Item(3)]);
            assert_eq!((context::<Item>(), leave(Item(4))), ('o', Some(1)));
        });
        assert_eq!(outer, [Item(1), Item(4)]);
        assert_eq!((context::<Item>(), is_open::<Item>()), ('-', false));
    }

    #[test]
    fn outside_of_a_collection_nothing_is_left() {
        assert_eq!(leave(Item(1)), None);
        assert!(LEFT.with_borrow(Vec::is_empty));
    }

    #[test]
    fn a_panic_closes_its_collection_and_abandons_its_items_alone() {
        let ((), outer) = collect::<Item, _>('o', || {
            leave(Item(1)).unwrap();
            let encode = || {
                collect::<Item, ()>('i', || {
                    leave(Item(2)).unwrap();
                    panic!("on purpose")
                })
            };
            catch_unwind(AssertUnwindSafe(encode)).unwrap_err();
            leave(Item(3)).unwrap();
        });
        assert_eq!(outer, [Item(1), Item(3)]);
        assert_eq!(ABANDONED.take(), [Item(2)]);
        assert!(!is_open::<Item>() && LEFT.with_borrow(Vec::is_empty));
    }

    #[test]
    fn a_collection_has_a_last_number() {
        let mut collection = Collection::closed('o');
        collection.base = NONE - 3;
        collection.end = NONE - 3;
        COLLECTION.set(collection);
        let numbers = [1, 2, 3].map(|number| leave(Item(number)));
        COLLECTION.set(Collection::closed('-'));
        LEFT.take();
        assert_eq!(numbers, [Some(0), Some(1), None]);
    }

    #[test]
    fn an_ending_thread_leaves_nothing() {
        struct Late;
        impl Drop for Late {
            fn drop(&mut self) {
                let (number, items) = collect::<Item, _>('o', || leave(Item(1)));
                // Which of the thread's values goes first is not ours to say: it is one or the other, and no panic.
                assert_eq!(number.is_some(), !items.is_empty());
            }
        }
        thread_local! { static LATE: Late = const { Late }; }
        let ended = std::thread::spawn(|| {
            LATE.with(|_| ());
            collect::<Item, _>('o', || leave(Item(0)));
        });
        ended.join().unwrap();
    }
}
