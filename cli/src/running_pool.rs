//! The pool as other threads than the main one reach it, from before it is built until it is dropped.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use pool::Pool;
use protocol::Eval;

/// The pool while there is one.
#[derive(Debug, Default)]
pub(crate) struct RunningPool(Mutex<Weak<Pool<Eval>>>);

impl RunningPool {
    /// Makes the pool known.
    pub(crate) fn set(&self, pool: &Arc<Pool<Eval>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(pool);
    }

    /// The pool, if it was built and not dropped.
    pub(crate) fn get(&self) -> Option<Arc<Pool<Eval>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }
}
