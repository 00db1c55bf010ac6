//! Bytes that travel beside an encoding instead of in it.
//!
//! Owns the two encodings of [`Bytes`]: as bytes, in every format; or, while a pool encodes a job or an output, as a
//! reference to bytes that are attached to the encoding ([`crate::job::beside`]). Owns also, for each thread, the bytes to
//! which references may refer while a value is decoded.
//!
//! A reference is 16 magic bytes and a number. Bytes that happen to look like a reference are attached too, whatever
//! their length, and references are looked for only where bytes are attached, so that no bytes of a binary format are ever
//! taken for others. (A text format contains bytes as they are: an encoding that mixes both must not contain such a reference.)
//!
//! Where attached bytes are while they travel is not known here: see [`super::area`].

use std::{
    cell::{Cell, RefCell},
    fmt,
    thread::LocalKey,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{bytes::Bytes, layout::LARGE_BYTES};
use crate::job::beside::{self, Beside, Collection};

/// Bytes of this length or more are attached. A job of this size travels through shared memory in any case.
pub const LEAST_BYTES: usize = LARGE_BYTES;

/// The most bytes that are reserved before a sequence is read, whatever length it announces.
const TRUSTED_HINT: usize = 1 << 20;

/// The beginning of a reference.
const MAGIC: [u8; 16] = *b"\xF0\x9F\x93\x8E\x00beside\xFF\xFE\xFD\x01\x9D";
const REFERENCE_BYTES: usize = MAGIC.len() + size_of::<u32>();

/// What stands for attached bytes in an encoding.
type Reference = [u8; REFERENCE_BYTES];

thread_local! {
    static COLLECTION: Cell<Collection<()>> = const { Cell::new(Collection::closed(())) };
    static ATTACHED: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
    static OFFERED: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

impl Beside for Bytes {
    type Context = ();

    #[inline]
    fn collection() -> &'static LocalKey<Cell<Collection<()>>> {
        &COLLECTION
    }

    #[inline]
    fn left() -> &'static LocalKey<RefCell<Vec<Self>>> {
        &ATTACHED
    }
}

/// Runs `encode`, and returns its result with the bytes that are attached to the encoding.
///
/// Another value may be encoded in the same way within it.
///
/// ```
/// use protocol::{Bytes, Job, payload::attachment};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Store(String, Bytes);
///
/// impl Job for Store {
///     type Output = ();
///     const NAME: &'static str = "store";
/// }
///
/// let job = Store("a".into(), Bytes::from(vec![1; 1 << 20]));
/// let mut encoding = Vec::new();
/// let (encoded, attached) = attachment::collect(|| job.encode(&mut encoding));
/// encoded?;
/// assert!(encoding.len() < 100 && attached == [job.1.clone()]);
/// assert_eq!(attachment::offer(attached, || Store::decode(&encoding))?, job);
/// # Ok::<(), protocol::CodecError>(())
/// ```
#[inline]
pub fn collect<T>(encode: impl FnOnce() -> T) -> (T, Vec<Bytes>) {
    beside::collect((), encode)
}

/// Runs `decode`, in which references refer to the bytes in `attached`.
#[inline]
pub fn offer<T>(attached: Vec<Bytes>, decode: impl FnOnce() -> T) -> T {
    if attached.is_empty() {
        return decode();
    }
    let _restored = Offer(OFFERED.replace(attached));
    decode()
}

/// Restores the bytes of an outer decoding, also if the decoding panics.
struct Offer(Vec<Bytes>);

impl Drop for Offer {
    fn drop(&mut self) {
        let ended = OFFERED.replace(std::mem::take(&mut self.0));
        drop(ended);
    }
}

/// Attaches bytes to the open collection, if there is one and they are large. Returns what to write instead of them.
fn attach(bytes: &Bytes) -> Option<Reference> {
    if !beside::is_open::<Bytes>() || (bytes.len() < LEAST_BYTES && number_in(bytes).is_none()) {
        return None;
    }
    let number = beside::leave(bytes.clone())?;
    let mut reference = [0; REFERENCE_BYTES];
    reference[..MAGIC.len()].copy_from_slice(&MAGIC);
    reference[MAGIC.len()..].copy_from_slice(&number.to_le_bytes());
    Some(reference)
}

/// Returns the bytes to which `bytes` refer, if they are a reference and bytes are attached to what is decoded.
///
/// # Errors
/// If no bytes of that number are attached.
fn resolve(bytes: &[u8]) -> Result<Option<Bytes>, String> {
    let Some(number) = number_in(bytes) else {
        return Ok(None);
    };
    OFFERED.with_borrow(|offered| {
        if offered.is_empty() {
            return Ok(None);
        }
        let attached = offered.get(number as usize).cloned();
        let missing = || {
            format!(
                "bytes number {number} are referred to where {} came",
                offered.len()
            )
        };
        attached.map(Some).ok_or_else(missing)
    })
}

/// Returns the number in a reference, if these bytes look like one.
fn number_in(bytes: &[u8]) -> Option<u32> {
    let (magic, number) = bytes.split_first_chunk::<{ MAGIC.len() }>()?;
    let number = number.try_into().ok()?;
    (*magic == MAGIC).then(|| u32::from_le_bytes(number))
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A text format may not contain bytes as they are, and is read without what travels beside it.
        if !serializer.is_human_readable()
            && let Some(reference) = attach(self)
        {
            return serializer.serialize_bytes(&reference);
        }
        serializer.serialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // This does not depend on whether the format is a text: serde's own buffers, as for `#[serde(flatten)]`, say that it is.
        deserializer.deserialize_byte_buf(Visitor)
    }
}

struct Visitor;

fn attached<E: de::Error>(bytes: &[u8]) -> Result<Option<Bytes>, E> {
    resolve(bytes).map_err(E::custom)
}

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Bytes;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        let attached = attached(bytes)?;
        Ok(attached.unwrap_or_else(|| Bytes::copy_from_slice(bytes)))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        let attached = attached(&bytes)?;
        Ok(attached.unwrap_or_else(|| bytes.into()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        Ok(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut sequence: A) -> Result<Bytes, A::Error> {
        let hint = sequence.size_hint().unwrap_or(0);
        let mut bytes = Vec::with_capacity(hint.min(TRUSTED_HINT));
        while let Some(byte) = sequence.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::job::{from_postcard, to_postcard};

    fn large(byte: u8) -> Bytes {
        vec![byte; LEAST_BYTES].into()
    }

    fn encode<T: Serialize>(value: &T) -> (Vec<u8>, Vec<Bytes>) {
        let mut encoding = Vec::new();
        let (encoded, attached) = collect(|| to_postcard(value, &mut encoding));
        encoded.unwrap();
        (encoding, attached)
    }

    fn round_trip<T>(value: &T) -> Vec<Bytes>
    where
        T: Serialize + for<'de> Deserialize<'de> + PartialEq + fmt::Debug,
    {
        let (encoding, attached) = encode(value);
        let decoded: T = offer(attached.clone(), || from_postcard(&encoding)).unwrap();
        assert_eq!(decoded, *value);
        attached
    }

    #[test]
    fn large_bytes_anywhere_are_attached_and_come_back() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Deep {
            name: String,
            first: Option<Bytes>,
            many: Vec<(u8, Bytes)>,
            small: Bytes,
        }
        let value = Deep {
            name: "deep".into(),
            first: Some(large(1)),
            many: vec![(1, large(2)), (2, Bytes::new()), (3, large(3))],
            small: "small".into(),
        };
        assert_eq!(round_trip(&value), [large(1), large(2), large(3)]);
    }

    #[test]
    fn the_threshold_is_exact_to_the_byte() {
        let at = large(1);
        let under = at.slice(1..);
        assert_eq!(round_trip(&at).len(), 1);
        assert_eq!(round_trip(&under).len(), 0);
    }

    #[test]
    fn a_million_small_ones_stay_in_the_encoding() {
        let many: Vec<Bytes> = (0..1_000_000_u32)
            .map(|number| Bytes::copy_from_slice(&number.to_le_bytes()))
            .collect();
        assert_eq!(round_trip(&many), [] as [Bytes; 0]);
    }

    #[test]
    fn bytes_that_look_like_a_reference_are_attached() {
        let (encoding, _) = encode(&large(7));
        let forged = Bytes::copy_from_slice(&encoding[1..]);
        assert!(number_in(&forged).is_some());
        assert_eq!(round_trip(&forged), std::slice::from_ref(&forged));
        assert_eq!(round_trip(&(large(1), forged.clone())).len(), 2);
        // If nothing is attached, they are just bytes.
        let mut plain = Vec::new();
        to_postcard(&forged, &mut plain).unwrap();
        assert_eq!(from_postcard::<Bytes>(&plain).unwrap(), forged);
    }

    #[test]
    fn a_reference_to_nothing_is_an_error() {
        let (encoding, _) = encode(&(large(1), large(2)));
        let error = offer(vec![large(1)], || from_postcard::<(Bytes, Bytes)>(&encoding)).unwrap_err();
        assert!(!error.to_string().is_empty());
    }

    #[test]
    fn text_formats_contain_all_bytes() {
        let (json, attached) = collect(|| serde_json::to_string(&large(1)).unwrap());
        assert_eq!(
            (serde_json::from_str::<Bytes>(&json).unwrap(), attached.len()),
            (large(1), 0)
        );
    }

    #[test]
    fn a_value_that_is_encoded_within_another_has_attachments_of_its_own() {
        struct Outer;
        impl Serialize for Outer {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let inner = encode(&(large(8), large(9)));
                assert_eq!(inner.1, [large(8), large(9)]);
                (large(1), large(2)).serialize(serializer)
            }
        }
        let (encoding, attached) = encode(&(large(0), Outer));
        assert_eq!(attached, [large(0), large(1), large(2)]);
        let decoded: (Bytes, (Bytes, Bytes)) = offer(attached.clone(), || from_postcard(&encoding)).unwrap();
        assert_eq!(decoded, (large(0), (large(1), large(2))));
    }

    #[test]
    fn a_panic_leaves_nothing_attached() {
        let ((), attached) = collect(|| {
            attach(&large(1)).unwrap();
            catch_unwind(AssertUnwindSafe(|| {
                collect(|| {
                    attach(&large(2)).unwrap();
                    panic!("on purpose")
                })
            }))
            .unwrap_err();
            attach(&large(3)).unwrap();
        });
        assert_eq!(attached, [large(1), large(3)]);
        catch_unwind(|| offer(vec![large(1)], || panic!("on purpose"))).unwrap_err();
        assert!(OFFERED.with_borrow(Vec::is_empty) && ATTACHED.with_borrow(Vec::is_empty));
        assert!(attach(&large(1)).is_none());
    }

    /// serde's buffers, from which `flatten` and `untagged` read, call every format a text.
    #[test]
    fn references_are_resolved_through_the_buffers_of_serde() {
        let bytes = Bytes::from(vec![7; LEAST_BYTES]);
        let (reference, attached) = collect(|| attach(&bytes).unwrap());
        let buffered = de::value::BytesDeserializer::<de::value::Error>::new(&reference);
        assert!(buffered.is_human_readable());
        let read = offer(attached, || Bytes::deserialize(buffered));
        assert_eq!(read, Ok(bytes));
    }

    #[test]
    fn in_every_format_they_are_bytes() {
        for bytes in [
            Bytes::new(),
            Bytes::from("text"),
            Bytes::from(vec![0xff; 100_000]),
        ] {
            let json = serde_json::to_string(&bytes).unwrap();
            assert_eq!(json, serde_json::to_string(&bytes.to_vec()).unwrap());
            assert_eq!(serde_json::from_str::<Bytes>(&json).unwrap(), bytes);
            let mut encoded = Vec::new();
            to_postcard(&bytes, &mut encoded).unwrap();
            assert!(encoded.ends_with(&bytes));
            assert_eq!(from_postcard::<Bytes>(&encoded).unwrap(), bytes);
            // As a vector of bytes is encoded.
            assert_eq!(bytes, from_postcard::<Vec<u8>>(&encoded).unwrap());
        }
        assert_eq!(serde_json::from_str::<Bytes>("\"text\"").unwrap(), *b"text");
    }

    #[test]
    fn a_forged_length_allocates_nothing() {
        let mut forged = Vec::new();
        to_postcard(&(1_u64 << 60), &mut forged).unwrap();
        assert!(from_postcard::<Bytes>(&forged).is_err());
    }
}
