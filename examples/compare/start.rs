//! From nothing to the first result, with two workers.

use std::{error::Error, io::Read, process::Stdio, time::Instant};

use crate::{
    child,
    jobs::{self, Small},
    peer::Peer,
    rounds::{Side, Unit, compare as compare_sides, median_seconds},
};

/// Starts of which the median is taken.
const STARTS: usize = 20;

pub(crate) fn compare(rounds: usize, peers: &[Peer]) -> Result<(), Box<dyn Error>> {
    let sides = vec![
        Side::new("pool of two, first result", || {
            median_of(|begun| start_pool(1, begun))
        }),
        Side::new("two bare processes, first answer", || median_of(start_processes)),
    ];
    compare_sides("start to first result", Unit::Seconds, rounds, sides)?;

    // The peers say when each of their two workers has answered.
    let mut sides = vec![Side::new("pool of two, two results", || {
        median_of(|begun| start_pool(2, begun))
    })];
    sides.extend(peers.iter().map(|peer| peer.side(&[], "start_ms", 1e3)));
    compare_sides("start to two results", Unit::Seconds, rounds, sides)
}

/// The median time until `start` says that it is over; ending what was started is not counted.
fn median_of(
    mut start: impl FnMut(Instant) -> Result<std::time::Duration, Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let times: Result<Vec<_>, _> = (0..STARTS).map(|_| start(Instant::now())).collect();
    Ok(median_seconds(&times?))
}

fn start_pool(results: u64, begun: Instant) -> Result<std::time::Duration, Box<dyn Error>> {
    let pool = jobs::pool::<Small>()?;
    let handles: Result<Vec<_>, _> = (0..results)
        .map(|number| pool.submit(Small::new(number)))
        .collect();
    for handle in handles? {
        handle.wait()?;
    }
    Ok(begun.elapsed())
}

fn start_processes(begun: Instant) -> Result<std::time::Duration, Box<dyn Error>> {
    let start = |_| child::command("answer")?.stdout(Stdio::piped()).spawn();
    let children: Result<Vec<_>, _> = (0..2).map(start).collect();
    let mut children = children?;
    let answer = children[0].stdout.as_mut().ok_or("a child without output")?;
    answer.read_exact(&mut [0])?;
    let elapsed = begun.elapsed();
    for mut child in children {
        child.wait()?;
    }
    Ok(elapsed)
}
