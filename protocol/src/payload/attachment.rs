//! Bytes that travel beside an encoding instead of in it.
//!
//! Owns, for each thread, the collection that is open while a value is encoded, and the offer that is open while one is
//! decoded. [`crate::Bytes`] asks here what to write of itself and what it is read as. In the encoding stands a reference:
//! a mark of 16 bytes and a number. Bytes that happen to look like a reference are attached too, whatever their length,
//! and references are looked for only where something is attached, so that no bytes of a binary format are ever taken for
//! others. (A text format holds bytes as they are: an encoding of one's own that mixes both must not hold such a mark.)
//!
//! Where attached bytes lie while they travel is not known here: see [`crate::payload::area`].

use std::{
    cell::{Cell, RefCell},
    fmt,
    thread::LocalKey,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Bytes, layout::PARCEL_BYTES};
use crate::job::beside::{self, Beside, Collection};

/// Bytes of this many or more are attached. It is the size from which a job travels through shared memory anyhow.
pub const LEAST_BYTES: usize = PARCEL_BYTES;

/// So many bytes are reserved at most before any of a sequence has been seen.
const TRUSTED_HINT: usize = 1 << 20;

/// What a reference begins with.
const MARK: [u8; 16] = *b"\xF0\x9F\x93\x8E\x00beside\xFF\xFE\xFD\x01\x9D";
const REFERENCE_BYTES: usize = MARK.len() + size_of::<u32>();

/// What stands in an encoding for attached bytes.
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

/// Runs `encode` and gives what it gave, with the bytes that are attached to the encoding.
///
/// Within it another value may be encoded in the same way.
///
/// ```
/// use protocol::{Bytes, Job, attachment};
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

/// Runs `decode`, in which references stand for the bytes in `attached`.
#[inline]
pub fn offer<T>(attached: Vec<Bytes>, decode: impl FnOnce() -> T) -> T {
    if attached.is_empty() {
        return decode();
    }
    let _restored = Offer(OFFERED.replace(attached));
    decode()
}

/// Restores an outer offer, also when the decoding panics.
struct Offer(Vec<Bytes>);

impl Drop for Offer {
    fn drop(&mut self) {
        let ended = OFFERED.replace(std::mem::take(&mut self.0));
        drop(ended);
    }
}

/// Attaches bytes to the collection that is open, if one is and they are worth it; gives what to write instead of them.
fn attach(bytes: &Bytes) -> Option<Reference> {
    if !beside::is_open::<Bytes>() || (bytes.len() < LEAST_BYTES && number_in(bytes).is_none()) {
        return None;
    }
    let number = beside::leave(bytes.clone())?;
    let mut reference = [0; REFERENCE_BYTES];
    reference[..MARK.len()].copy_from_slice(&MARK);
    reference[MARK.len()..].copy_from_slice(&number.to_le_bytes());
    Some(reference)
}

/// The bytes to which `bytes` refer, if something is on offer and they are a reference.
///
/// The error says that nothing of that number is on offer.
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

/// The number in a reference, if these bytes look like one.
fn number_in(bytes: &[u8]) -> Option<u32> {
    let (mark, number) = bytes.split_first_chunk::<{ MARK.len() }>()?;
    let number = number.try_into().ok()?;
    (*mark == MARK).then(|| u32::from_le_bytes(number))
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A text format may not keep bytes as they are, and its readers see it without what travels beside it.
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
        // Whether the format is a text is not asked here: serde's own buffers, as of `#[serde(flatten)]`, say that it is.
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

    fn there_and_back<T>(value: &T) -> Vec<Bytes>
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
        assert_eq!(there_and_back(&value), [large(1), large(2), large(3)]);
    }

    #[test]
    fn the_threshold_is_kept_to_the_byte() {
        let at = large(1);
        let under = at.slice(1..);
        assert_eq!(there_and_back(&at).len(), 1);
        assert_eq!(there_and_back(&under).len(), 0);
    }

    #[test]
    fn a_million_small_ones_stay_where_they_are() {
        let many: Vec<Bytes> = (0..1_000_000_u32)
            .map(|number| Bytes::copy_from_slice(&number.to_le_bytes()))
            .collect();
        assert_eq!(there_and_back(&many), [] as [Bytes; 0]);
    }

    #[test]
    fn what_looks_like_a_reference_is_none() {
        let (encoding, _) = encode(&large(7));
        let forged = Bytes::copy_from_slice(&encoding[1..]);
        assert!(number_in(&forged).is_some());
        assert_eq!(there_and_back(&forged), std::slice::from_ref(&forged));
        assert_eq!(there_and_back(&(large(1), forged.clone())).len(), 2);
        // Without anything attached it is what it is.
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
    fn text_formats_keep_all_to_themselves() {
        let (json, attached) = collect(|| serde_json::to_string(&large(1)).unwrap());
        assert_eq!(
            (serde_json::from_str::<Bytes>(&json).unwrap(), attached.len()),
            (large(1), 0)
        );
    }

    #[test]
    fn a_value_that_is_encoded_within_another_has_its_own() {
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
    fn a_panic_leaves_nothing_behind() {
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

    /// serde's buffers, of which `flatten` and `untagged` read, call every format a text.
    #[test]
    fn they_are_found_through_the_buffers_of_serde() {
        let bytes = Bytes::from(vec![7; LEAST_BYTES]);
        let (reference, attached) = collect(|| attach(&bytes).unwrap());
        let buffered = de::value::BytesDeserializer::<de::value::Error>::new(&reference);
        assert!(buffered.is_human_readable());
        let read = offer(attached, || Bytes::deserialize(buffered));
        assert_eq!(read, Ok(bytes));
    }

    #[test]
    fn in_every_format_they_are_just_bytes() {
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
            // As a vector of bytes has it.
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
