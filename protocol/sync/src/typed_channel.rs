//! A typed channel: what queues and pipes have in common.
//!
//! Owns the encoding of items, and the handles in them. The channel's memory is [`crate::object::channel_memory`]'s,
//! and the order in which items become visible [`crate::word::channel`]'s.

use std::cell::Cell;

use protocol::{decode_argument, encode_argument};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    heap::error::SharedHeapError,
    item_error::{GetError, PutError, PutErrorKind},
    object::{
        channel_memory::{self, ChannelMemory, Limits, TOKEN_BYTES, token_bytes, tokens},
        in_flight::HandlesInFlight,
        reference::Reference,
    },
    word::{
        channel::{self, Caller, NotPut, NotTaken},
        wait::WaitMode,
    },
};

/// A thread keeps its buffer for the next item if it has at most this many bytes.
const KEPT_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A channel of typed items.
#[derive(Debug, Clone)]
pub(crate) struct TypedChannel(ChannelMemory);

impl TypedChannel {
    pub(crate) fn put<T: Serialize>(
        &self,
        reference: &Reference,
        item: T,
        mode: WaitMode,
    ) -> Result<(), PutError<T>> {
        let mut buffer = BUFFER.take();
        buffer.clear();
        let put = self.encode_and_put(reference, &item, mode, &mut buffer);
        keep(buffer);
        put.map_err(|kind| PutError::new(item, kind))
    }

    fn encode_and_put<T: Serialize>(
        &self,
        reference: &Reference,
        item: &T,
        mode: WaitMode,
        buffer: &mut Vec<u8>,
    ) -> Result<(), PutErrorKind> {
        let me = reference.me()?;
        let (encoded, handles) =
            HandlesInFlight::collect_for_item(reference.object(), || encode_argument(item, buffer));
        if let Err(error) = encoded {
            handles.undo();
            return Err(PutErrorKind::Encoding(error));
        }
        let caller = Caller {
            me,
            mode,
            peers: reference.participant(),
        };
        let put = if handles.is_empty() {
            channel::put(&self.0, &caller, 0, &[], buffer)
        } else {
            let tokens: Vec<u8> = handles.tokens().flat_map(token_bytes).collect();
            let number = (tokens.len() / TOKEN_BYTES) as u32;
            channel::put(&self.0, &caller, number, &tokens, buffer)
        };
        match put {
            Ok(()) => {
                handles.leave_to_message();
                Ok(())
            }
            Err(refused) => {
                handles.undo();
                Err(self.refusal(refused, mode, buffer.len()))
            }
        }
    }

    fn refusal(&self, refused: NotPut, mode: WaitMode, bytes: usize) -> PutErrorKind {
        match (refused, mode) {
            (NotPut::Full, WaitMode::Try) => PutErrorKind::Full,
            (NotPut::Full, _) => PutErrorKind::TimedOut,
            (NotPut::Closed, _) => PutErrorKind::Closed,
            (NotPut::TooLarge, _) => PutErrorKind::TooLarge {
                bytes,
                limit: self.0.limits().bytes as usize,
            },
        }
    }

    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        reference: &Reference,
        mode: WaitMode,
    ) -> Result<T, GetError> {
        let mut buffer = BUFFER.take();
        buffer.clear();
        let got = self.take_and_decode(reference, mode, &mut buffer);
        keep(buffer);
        got
    }

    fn take_and_decode<T: DeserializeOwned>(
        &self,
        reference: &Reference,
        mode: WaitMode,
        buffer: &mut Vec<u8>,
    ) -> Result<T, GetError> {
        let caller = Caller {
            me: reference.me()?,
            mode,
            peers: reference.participant(),
        };
        let taken = channel::take(&self.0, &caller, buffer, |tag, bytes| {
            claim(reference, tag, bytes);
        });
        let tag = taken.map_err(|error| match (error, mode) {
            (NotTaken::Closed, _) => GetError::Closed,
            (NotTaken::Empty, WaitMode::Try) => GetError::Empty,
            (NotTaken::Empty, _) => GetError::TimedOut,
        })?;
        if tag == 0 {
            return decode_argument(buffer).map_err(GetError::Decoding);
        }
        let body = (tag as usize * TOKEN_BYTES).min(buffer.len());
        // Handles that the decoding does not receive are released afterwards.
        let _handles = HandlesInFlight::from_tokens(reference.participant(), tokens(&buffer[..body], tag));
        decode_argument(&buffer[body..]).map_err(GetError::Decoding)
    }

    pub(crate) fn close(&self, reference: &Reference) -> Result<(), SharedHeapError> {
        let caller = Caller {
            me: reference.me()?,
            mode: WaitMode::Forever,
            peers: reference.participant(),
        };
        channel::close(&self.0, &caller);
        Ok(())
    }

    pub(crate) fn is_closed(&self) -> bool {
        channel::is_closed(&self.0)
    }

    pub(crate) fn length(&self) -> usize {
        channel::length(&self.0) as usize
    }

    pub(crate) fn limits(&self) -> Limits {
        self.0.limits()
    }
}

/// The channels of an object to which this process refers.
pub(crate) fn channels<const N: usize>(reference: &Reference) -> Result<[TypedChannel; N], SharedHeapError> {
    let found = channel_memory::open(reference.participant().arena(), reference.object(), N)?;
    found
        .into_iter()
        .map(TypedChannel)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| SharedHeapError::NotASharedHeap {
            why: "it contains an object without its channels".to_owned(),
        })
}

/// Transfers the handles in an item to this process, which is about to take it.
fn claim(reference: &Reference, tag: u32, bytes: &[u8]) {
    // Without memory to map the table they stay their sender's.
    if let Ok(table) = reference.participant().table() {
        for token in tokens(bytes, tag) {
            let mut transaction = table.transaction();
            if table.has_cell(token.reference) && transaction.is_in_flight(token, None) {
                transaction.transfer(token.reference, reference.participant().slot());
                transaction.commit();
            }
        }
    }
}

fn keep(buffer: Vec<u8>) {
    if buffer.capacity() <= KEPT_BYTES {
        // This fails while the thread's values are being destroyed.
        let _kept_or_not = BUFFER.try_with(|kept| kept.set(buffer));
    }
}
