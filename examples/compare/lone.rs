//! The lone job: one at a time, waiting for its output.

use std::{
    error::Error,
    thread,
    time::{Duration, Instant},
};

use crate::{
    ipc::Mirror,
    jobs::{self, Small},
    peer::Peer,
    rounds::{Side, Unit, compare as compare_sides, median_seconds},
};

/// Round trips of which the median is taken.
const TRIPS: u64 = 2000;

/// A pause after which both processes sleep.
const PAUSE: Duration = Duration::from_millis(1);

pub(crate) fn compare(rounds: usize, peers: &[Peer]) -> Result<(), Box<dyn Error>> {
    let pool = jobs::pool::<Small>()?;
    let mirror = Mirror::of_numbers()?;
    let submit = |number| {
        pool.submit(Small::new(number))?.wait()?;
        Ok(())
    };
    let bare = |number| mirror.echo(number).map(drop);

    let mut sides = vec![
        Side::new("pool, submit and wait", || trips(Duration::ZERO, submit)),
        Side::new("bare ipc-channel", || trips(Duration::ZERO, bare)),
    ];
    sides.extend(peers.iter().map(|peer| peer.side(&[], "p50_ns", 1e9)));
    compare_sides("a lone job, back to back, p50", Unit::Seconds, rounds, sides)?;

    let sides = vec![
        Side::new("pool, submit and wait", || trips(PAUSE, submit)),
        Side::new("bare ipc-channel", || trips(PAUSE, bare)),
    ];
    compare_sides("a lone job, both ends asleep, p50", Unit::Seconds, rounds, sides)
}

/// The median of many round trips, each after a pause.
fn trips(
    pause: Duration,
    mut trip: impl FnMut(u64) -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::new();
    for number in 0..TRIPS {
        if !pause.is_zero() {
            thread::sleep(pause);
        }
        let begun = Instant::now();
        trip(number)?;
        times.push(begun.elapsed());
    }
    Ok(median_seconds(&times))
}
