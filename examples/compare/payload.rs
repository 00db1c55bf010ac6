//! Large payloads, sent and returned.

use std::{error::Error, time::Instant};

use pool::{Bytes, Job, Pool};
use serde_bytes::ByteBuf;

use crate::{
    ipc::Mirror,
    jobs::{self, Blob, Buffer, Numbers},
    rounds::{Side, Unit, compare as compare_sides, median_seconds},
};

/// Sizes in bytes, and how many round trips are made of each.
const SIZES: [(usize, usize); 3] = [(64 << 10, 400), (1 << 20, 100), (16 << 20, 10)];

/// A job that is a payload and nothing else.
trait Carrier: Job<Output = Self> {
    fn of(payload: Vec<u8>) -> Self;
    fn bytes(&self) -> usize;
}

impl Carrier for Blob {
    fn of(payload: Vec<u8>) -> Self {
        Self(Bytes::from(payload))
    }

    fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl Carrier for Buffer {
    fn of(payload: Vec<u8>) -> Self {
        Self(ByteBuf::from(payload))
    }

    fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl Carrier for Numbers {
    fn of(payload: Vec<u8>) -> Self {
        Self(payload)
    }

    fn bytes(&self) -> usize {
        self.0.len()
    }
}

pub(crate) fn compare(rounds: usize) -> Result<(), Box<dyn Error>> {
    let blobs = jobs::pool::<Blob>()?;
    let buffers = jobs::pool::<Buffer>()?;
    let numbers = jobs::pool::<Numbers>()?;
    let mirror = Mirror::of_bytes()?;
    for (bytes, trips) in SIZES {
        let payload = vec![7; bytes];
        let bare = || median_of(trips, || Ok(mirror.echo(&payload)?.len() == bytes));
        let sides = vec![
            Side::new("pool, Bytes", || there_and_back(&blobs, bytes, trips)),
            Side::new("bare IpcBytesSender", bare),
            Side::new("pool, ByteBuf", || there_and_back(&buffers, bytes, trips)),
            Side::new("pool, Vec<u8>", || there_and_back(&numbers, bytes, trips)),
        ];
        let title = format!("echo of {} KiB", bytes >> 10);
        compare_sides(&title, Unit::Seconds, rounds, sides)?;
    }
    Ok(())
}

/// The job takes its payload with it; the output is another one, which goes there the next time.
fn there_and_back<J: Carrier>(pool: &Pool<J>, bytes: usize, trips: usize) -> Result<f64, Box<dyn Error>> {
    let mut blob = Some(J::of(vec![7; bytes]));
    median_of(trips, || {
        let sent = blob.take().ok_or("the last one has come back")?;
        let back = pool.submit(sent)?.wait()?;
        Ok(blob.insert(back).bytes() == bytes)
    })
}

fn median_of(
    trips: usize,
    mut trip: impl FnMut() -> Result<bool, Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..trips {
        let begun = Instant::now();
        let is_whole = trip()?;
        times.push(begun.elapsed());
        assert!(is_whole, "as many bytes come back as went there");
    }
    Ok(median_seconds(&times))
}
