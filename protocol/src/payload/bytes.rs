//! Bytes that are cheap to clone and to slice: the payload of a user's job or output.
//!
//! Owns the type. The bytes may be in ordinary memory or, in a worker, in the area in which they arrived; the type does not
//! show which. How they are encoded is for [`super::attachment`].

use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
    ops::{Deref, RangeBounds},
};

/// The most bytes that the debug output of [`Bytes`] shows.
const SHOWN_BYTES: usize = 32;

/// Immutable bytes that are cheap to clone and to slice: the type for large payloads in a job or an output.
///
/// A job or an output may contain any number of them, anywhere: in fields, in a `Vec`, in an `Option`. Those of 32 KiB and
/// more travel beside the encoding, so that a payload is copied once into the memory that both processes share, and
/// once out of it. A worker's handler sees the bytes of its job where they arrived; bytes of the job that it returns, whole
/// or as a slice, are not copied in the worker at all. They may be kept for any time, in the handler's state or in
/// other threads. A slice keeps all bytes of its job in memory; to keep only a part, use [`Bytes::copy_from_slice`]. Each job of
/// which a worker keeps bytes is a mapping of its own, and Linux allows about 65,000 mappings in a process: to keep bytes of
/// more jobs, copy them.
///
/// To serde they are bytes, in every format. While a pool encodes a job or an output, in a binary format, large ones
/// are encoded as a reference instead. So what is encoded within [`Job::encode`](crate::Job::encode) must be decoded within
/// [`Job::decode`](crate::Job::decode), as `Bytes`, and encoded only once. (A part that is encoded by itself, to
/// be kept or sent elsewhere, must be encoded before.)
///
/// ```
/// use protocol::{Bytes, Job};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Crop {
///     image: Bytes,
///     at: usize,
/// }
///
/// impl Job for Crop {
///     type Output = Bytes;
///     const NAME: &'static str = "crop";
/// }
///
/// // The handler of the worker; nothing is copied here.
/// let crop = |job: Crop| job.image.slice(job.at..);
///
/// let image = Bytes::from(vec![7; 1 << 20]);
/// let again = image.clone();
/// assert_eq!(crop(Crop { image, at: 1000 }), again[1000..]);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(bytes::Bytes);

impl Bytes {
    /// Creates empty `Bytes`.
    pub const fn new() -> Self {
        Self(bytes::Bytes::new())
    }

    /// Creates `Bytes` from static ones, without copying.
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self(bytes::Bytes::from_static(bytes))
    }

    /// Creates a copy of `bytes`.
    pub fn copy_from_slice(bytes: &[u8]) -> Self {
        Self(bytes::Bytes::copy_from_slice(bytes))
    }

    /// Returns the bytes in `range`, without copying.
    ///
    /// # Panics
    /// If the range is not within the bytes.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        Self(self.0.slice(range))
    }

    /// Returns the bytes as a vector. They are copied only if they are shared, static, or in the memory in which a worker received
    /// them.
    pub fn into_vec(self) -> Vec<u8> {
        self.0.into()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

// The hash of the slice, as `Borrow` requires.
impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<Box<[u8]>> for Bytes {
    fn from(bytes: Box<[u8]>) -> Self {
        Self(bytes.into())
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&'static [u8]> for Bytes {
    fn from(bytes: &'static [u8]) -> Self {
        Self::from_static(bytes)
    }
}

impl<const LENGTH: usize> From<&'static [u8; LENGTH]> for Bytes {
    fn from(bytes: &'static [u8; LENGTH]) -> Self {
        Self::from_static(bytes)
    }
}

impl From<&'static str> for Bytes {
    fn from(text: &'static str) -> Self {
        Self::from_static(text.as_bytes())
    }
}

/// From the type of the crate `bytes`, which web servers and clients use; nothing is copied.
impl From<bytes::Bytes> for Bytes {
    fn from(bytes: bytes::Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Bytes> for bytes::Bytes {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.into_vec()
    }
}

impl FromIterator<u8> for Bytes {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        Self(bytes.into_iter().collect())
    }
}

impl PartialEq<[u8]> for Bytes {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl PartialEq<Vec<u8>> for Bytes {
    fn eq(&self, other: &Vec<u8>) -> bool {
        **self == **other
    }
}

impl<const LENGTH: usize> PartialEq<[u8; LENGTH]> for Bytes {
    fn eq(&self, other: &[u8; LENGTH]) -> bool {
        **self == *other
    }
}

impl PartialEq<Bytes> for [u8] {
    fn eq(&self, other: &Bytes) -> bool {
        *self == **other
    }
}

impl PartialEq<Bytes> for Vec<u8> {
    fn eq(&self, other: &Bytes) -> bool {
        **self == **other
    }
}

/// Shows the first bytes and how many there are.
impl fmt::Debug for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self[..self.len().min(SHOWN_BYTES)];
        write!(formatter, "b\"{}\"", shown.escape_ascii())?;
        if shown.len() < self.len() {
            write!(formatter, "... ({} bytes)", self.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn clones_and_slices_share_and_vectors_come_back() {
        let bytes = Bytes::from(vec![1, 2, 3, 4]);
        let start = bytes.as_ptr();
        let (clone, slice) = (bytes.clone(), bytes.slice(1..3));
        assert_eq!((clone.as_ptr(), slice.as_ptr()), (start, start.wrapping_add(1)));
        assert_eq!(slice, [2, 3]);
        drop((clone, slice));
        let vector = bytes.into_vec();
        assert_eq!((vector.as_ptr(), &*vector), (start, &[1, 2, 3, 4][..]));
        assert_eq!(Bytes::from(b"abc").slice(..=1), *b"ab");
        assert_eq!(Bytes::from("abc").into_vec(), b"abc");
    }

    #[test]
    fn map_keys_are_found_by_slices() {
        let places: HashMap<Bytes, u32> = [("a", 1), ("b", 2)]
            .map(|(name, place)| (name.into(), place))
            .into();
        assert_eq!(places.get(&b"b"[..]), Some(&2));
    }

    #[test]
    fn a_megabyte_is_not_printed() {
        assert_eq!(format!("{:?}", Bytes::from("a\n")), r#"b"a\n""#);
        let shown = format!("{:?}", Bytes::from(vec![b'x'; 1 << 20]));
        assert!(shown.len() < 100 && shown.ends_with("(1048576 bytes)"), "{shown}");
    }
}
