//! Large payloads there and back.

use std::{error::Error, time::Instant};

use serde_bytes::ByteBuf;

use crate::{
    ipc::Mirror,
    jobs::{self, Blob},
    rounds::{Side, Unit, compare as compare_sides, median_seconds},
};

/// Sizes in bytes, and how many round trips are made of each.
const SIZES: [(usize, usize); 3] = [(64 << 10, 400), (1 << 20, 100), (16 << 20, 10)];

pub(crate) fn compare(rounds: usize) -> Result<(), Box<dyn Error>> {
    let pool = jobs::pool::<Blob>()?;
    let mirror = Mirror::of_bytes()?;
    for (bytes, trips) in SIZES {
        let payload = vec![7; bytes];
        let through_pool = || {
            // The job takes its payload with it; the output is another one, which goes there the next time.
            let mut blob = Blob(ByteBuf::from(payload.clone()));
            median_of(trips, || {
                let sent = std::mem::replace(&mut blob, Blob(ByteBuf::new()));
                blob = pool.submit(sent)?.wait()?;
                Ok(blob.0.len() == bytes)
            })
        };
        let bare = || median_of(trips, || Ok(mirror.echo(&payload)?.len() == bytes));
        let sides = vec![
            Side::new("pool, submit and wait", through_pool),
            Side::new("bare IpcBytesSender", bare),
        ];
        let title = format!("echo of {} KiB", bytes >> 10);
        compare_sides(&title, Unit::Seconds, rounds, sides)?;
    }
    Ok(())
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
    Ok(median_seconds(times))
}
