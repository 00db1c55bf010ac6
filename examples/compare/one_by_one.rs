//! Expressions submitted one by one as typed jobs, waiting for nothing; results in order.

use std::{collections::VecDeque, env, error::Error, fs, path::Path, time::Instant};

use pool::{JobHandle, Pool};
use protocol::Eval;

use crate::{
    jobs,
    peer::Peer,
    rounds::{Side, Unit, compare as compare_sides},
};

/// How many handles are kept before the first is waited for.
const HANDLES: usize = 16 * 1024;

pub(crate) fn compare(rounds: usize, input: &Path, peers: &[Peer]) -> Result<(), Box<dyn Error>> {
    let text = fs::read(input)?;
    let lines: Vec<&[u8]> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    let pool = jobs::pool::<Eval>()?;
    let output = env::temp_dir().join(format!("compare-{}-one-by-one", std::process::id()));
    let files = [
        ("{in}", &*input.to_string_lossy()),
        ("{out}", &*output.to_string_lossy()),
    ];
    let ours = Side::new("pool, submit", || submit_all(&pool, &lines));
    let peers = peers.iter().map(|peer| peer.side(&files, "jobs_per_s", 1.0));
    let sides = [ours].into_iter().chain(peers).collect();
    let compared = compare_sides("expressions, one by one", Unit::JobsPerSecond, rounds, sides);
    // Not every peer writes a file.
    drop(fs::remove_file(output));
    compared
}

fn submit_all(pool: &Pool<Eval>, lines: &[&[u8]]) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    let (mut handles, mut results) = (VecDeque::<JobHandle<Eval>>::new(), String::new());
    let mut take = |handle: Option<JobHandle<Eval>>| -> Result<(), Box<dyn Error>> {
        if let Some(handle) = handle {
            results.push_str(&handle.wait()??);
            results.push('\n');
        }
        Ok(())
    };
    for line in lines {
        handles.push_back(pool.submit(Eval::new(*line))?);
        if handles.len() == HANDLES {
            take(handles.pop_front())?;
        }
    }
    for handle in handles {
        take(Some(handle))?;
    }
    Ok(lines.len() as f64 / begun.elapsed().as_secs_f64())
}
