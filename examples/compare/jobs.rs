//! The jobs that are compared: they return their input.

use pool::{Bytes, Job, Pool};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// A small struct.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Small {
    pub(crate) id: u64,
    pub(crate) price: f64,
    pub(crate) is_urgent: bool,
}

/// A large payload.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Blob(pub(crate) Bytes);

/// The same within the encoding, as bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Buffer(pub(crate) ByteBuf);

/// The same in serde's default encoding: one number after another.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Numbers(pub(crate) Vec<u8>);

impl Job for Small {
    type Output = Self;
    const NAME: &'static str = "small";
}

impl Job for Blob {
    type Output = Self;
    const NAME: &'static str = "blob";
}

impl Job for Buffer {
    type Output = Self;
    const NAME: &'static str = "buffer";
}

impl Job for Numbers {
    type Output = Self;
    const NAME: &'static str = "numbers";
}

impl Small {
    pub(crate) fn new(id: u64) -> Self {
        Self {
            id,
            price: id as f64 / 4.0,
            is_urgent: id.is_multiple_of(3),
        }
    }
}

/// A pool of two workers that run this program.
pub(crate) fn pool<J: Job>() -> Result<Pool<J>, pool::BuildError> {
    Pool::builder().workers(2).build()
}
