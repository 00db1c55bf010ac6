//! Mapped payloads: the worker's end of the inbound area, where large jobs are read in place.
//!
//! Jobs come one after the other. Each is decoded from the area itself, and the bytes attached to the
//! job are views of it. Before the record of the job's result is published, the area is given back: if
//! some of its bytes are still referenced (by the handler's state, or another thread), they are first made the worker's own.
//! So nothing is copied that is not kept, and no reference ever sees the parent write the next job.
//!
//! Owns when a view of the area ends; the view itself is `memory/view.rs`. Which job is in the area, and when it is claimed, is
//! not known here.

use std::{
    alloc::{Layout, handle_alloc_error},
    ops::Range,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
};

use rustix::fs::SealFlags;

use super::{
    Incoming, MappedBytes,
    area::Part,
    bytes::Bytes,
    layout::{self, Contents, Entry},
};
use crate::memory::{MemoryError, view::View};

/// The worker's end of the area in which large jobs arrive.
#[derive(Debug)]
pub struct InboundArea {
    file: OwnedFd,
    /// Kept from job to job, so that its pages stay warm.
    view: Option<Arc<View>>,
}

impl InboundArea {
    /// Opens the area that the parent created.
    ///
    /// # Errors
    /// If the descriptor is not such memory.
    pub fn open(file: OwnedFd) -> Result<Self, MemoryError> {
        let seals = rustix::fs::fcntl_get_seals(&file).map_err(MemoryError::system("reading seals"))?;
        if !seals.contains(SealFlags::SHRINK) {
            return Err(MemoryError::corrupt("an inbound area that could shrink"));
        }
        Ok(Self { file, view: None })
    }

    /// Maps the job that a frame has announced; `limit` is the most bytes that a job may have.
    ///
    /// # Errors
    /// [`MemoryError::Corrupt`] if it is larger or is not there, [`MemoryError::System`] if it cannot be mapped.
    pub fn receive(&mut self, contents: Contents, limit: u64) -> Result<MappedPayload, MemoryError> {
        let place = contents.place(limit)?;
        let view = self.view(place.table.end)?;
        let table = layout::read_table(&place, view.bytes(place.table.clone()), limit)?;
        let attached = table.entries().map(here).collect::<Result<Vec<_>, _>>()?;
        let length = table.end;
        Ok(MappedPayload {
            view: self.view(length)?,
            encoding: place.encoding,
            attached,
            length,
        })
    }

    /// Returns a view of at least this many bytes.
    fn view(&mut self, length: usize) -> Result<Arc<View>, MemoryError> {
        let kept = self
            .view
            .as_ref()
            .filter(|view| !view.is_detached() && length <= view.length());
        if let Some(view) = kept {
            return Ok(Arc::clone(view));
        }
        let status = rustix::fs::fstat(&self.file).map_err(MemoryError::system("fstat"))?;
        let size = usize::try_from(status.st_size).unwrap_or(0);
        if size < length {
            return Err(MemoryError::corrupt(format_args!(
                "{length} bytes of a job were announced in memory of {size}"
            )));
        }
        self.view = None;
        let view = Arc::new(View::new(&self.file, size)?);
        self.view = Some(Arc::clone(&view));
        Ok(view)
    }
}

fn here(entry: Entry) -> Result<Range<usize>, MemoryError> {
    match entry {
        Entry::Here(range) => Ok(range.start as usize..range.end as usize),
        Entry::InJob(_) => Err(MemoryError::corrupt("a job with parts of another job")),
    }
}

/// One large job, in the area in which it arrived.
#[derive(Debug)]
#[must_use = "the parent writes there again once the job's result is published: give it back before"]
pub struct MappedPayload {
    view: Arc<View>,
    encoding: Range<usize>,
    attached: Vec<Range<usize>>,
    /// Everything of the job is before this offset.
    length: usize,
}

/// Keeps a view mapped while bytes of it are referenced.
struct Held {
    view: Arc<View>,
    range: Range<usize>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.view.bytes(self.range.clone())
    }
}

impl MappedPayload {
    /// Returns the encoded job, with the bytes attached to it. They may be kept for any time: see [`MappedPayload::give_back`].
    pub fn job(&self) -> Incoming<'static> {
        let held = Held {
            view: Arc::clone(&self.view),
            range: 0..self.length,
        };
        let all = Bytes::from(bytes::Bytes::from_owner(held));
        let attached = self
            .attached
            .iter()
            .map(|range| all.slice(range.clone()))
            .collect();
        let encoding = all.slice(self.encoding.clone());
        Incoming::Mapped(Box::new(MappedBytes { encoding, attached }))
    }

    /// Returns how bytes travel to the parent: those of this job are only named.
    pub fn part(&self, bytes: Bytes) -> Part {
        let place = self
            .view
            .range_of(&bytes)
            .filter(|place| !place.is_empty() && place.end <= self.length);
        place.map_or(Part::Bytes(bytes), Part::InJob)
    }

    /// Gives the area back. Bytes of the job that are still referenced are a copy from now on, at the same addresses.
    ///
    /// If there is no memory for the copy, the process ends as it does if any allocation fails
    /// ([`handle_alloc_error`]): the area cannot be given back, and the references cannot be taken away.
    pub fn give_back(self) {
        // One reference is kept for the next job and one is this value's. If there are no others, none can come up: each is
        // cloned from another. The fence orders what the others have read before the record that the parent reads.
        let is_held = Arc::strong_count(&self.view) > 2;
        fence(Ordering::Acquire);
        if is_held && self.view.detach(self.length).is_err() {
            let copy = Layout::array::<u8>(self.length).unwrap_or(Layout::new::<u8>());
            handle_alloc_error(copy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::area::PayloadArea;

    fn two_ends() -> (PayloadArea, InboundArea) {
        let parent = PayloadArea::create("test").unwrap();
        let worker = InboundArea::open(parent.descriptor().try_clone_to_owned().unwrap()).unwrap();
        (parent, worker)
    }

    fn taken(mapped: &MappedPayload) -> MappedBytes {
        match mapped.job() {
            Incoming::Mapped(job) => *job,
            Incoming::Framed(_) => panic!("it is a large job"),
        }
    }

    fn job(parent: &mut PayloadArea, byte: u8, sizes: &[usize]) -> Contents {
        let parts = sizes.iter().map(|size| Part::Bytes(vec![byte; *size].into()));
        parent.put(&[byte; 10], &parts.collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn jobs_of_many_sizes_are_read_in_place() {
        let (mut parent, mut worker) = two_ends();
        let sizes = [&[0][..], &[1, 70_000], &[], &[3, 0, 20_000_000, 5], &[100]];
        for (byte, sizes) in (1..).zip(sizes) {
            let contents = job(&mut parent, byte, sizes);
            let mapped = worker.receive(contents, 1 << 30).unwrap();
            let MappedBytes { encoding, attached } = taken(&mapped);
            assert_eq!(encoding, [byte; 10]);
            assert!(attached.iter().map(|bytes| bytes.len()).eq(sizes.iter().copied()));
            assert!(
                attached
                    .iter()
                    .all(|bytes| bytes.iter().all(|other| *other == byte))
            );
            drop((encoding, attached));
            mapped.give_back();
            parent.trim();
        }
    }

    #[test]
    fn kept_bytes_stay_as_they_were_and_the_next_job_is_seen() {
        let (mut parent, mut worker) = two_ends();
        let mut kept = Vec::new();
        for byte in 1..=20 {
            let contents = job(&mut parent, byte, &[100_000, 50_000]);
            let mapped = worker.receive(contents, 1 << 30).unwrap();
            let attached = taken(&mapped).attached;
            assert_eq!(attached[1][0], byte);
            if byte % 2 == 0 {
                kept.push((byte, attached[1].slice(7..)));
            }
            drop(attached);
            mapped.give_back();
        }
        for (byte, bytes) in &kept {
            assert!(
                bytes.len() == 49_993 && bytes.iter().all(|other| other == byte),
                "{byte}"
            );
        }
        // If nothing of a job is kept, its view is used for the next one.
        let contents = job(&mut parent, 99, &[1]);
        let mapped = worker.receive(contents, 1 << 30).unwrap();
        let before = Arc::as_ptr(&mapped.view);
        mapped.give_back();
        let mapped = worker.receive(contents, 1 << 30).unwrap();
        assert_eq!(Arc::as_ptr(&mapped.view), before);
        mapped.give_back();
    }

    #[test]
    fn bytes_of_the_job_are_named_and_others_are_not() {
        let (mut parent, mut worker) = two_ends();
        let contents = job(&mut parent, 1, &[100_000]);
        let mapped = worker.receive(contents, 1 << 30).unwrap();
        let bytes = taken(&mapped).attached.remove(0);
        let Part::InJob(whole) = mapped.part(bytes.clone()) else {
            panic!("it is the job's")
        };
        let Part::InJob(slice) = mapped.part(bytes.slice(10..20)) else {
            panic!("it is the job's")
        };
        assert_eq!(
            (whole.len(), slice),
            (100_000, whole.start + 10..whole.start + 20)
        );
        let other = Bytes::from(vec![1; 100]);
        assert_eq!(mapped.part(other.clone()), Part::Bytes(other));
        drop(bytes);
        mapped.give_back();
    }

    #[test]
    fn forged_jobs_are_refused() {
        let (mut parent, mut worker) = two_ends();
        let contents = job(&mut parent, 1, &[100_000]);
        for forged in [
            Contents {
                encoding: 1 << 20,
                attached: 0,
            },
            Contents {
                encoding: 1 << 40,
                attached: 0,
            },
            Contents {
                attached: 1 << 40,
                ..contents
            },
            Contents {
                attached: 1 << 20,
                ..contents
            },
        ] {
            assert!(worker.receive(forged, 1 << 30).is_err(), "{forged:?}");
        }
        let contents = parent.put(b"job", &[Part::InJob(0..1)]).unwrap();
        assert!(worker.receive(contents, 1 << 30).is_err());
    }
}
