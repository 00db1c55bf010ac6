//! A custom job type in one file: the type, the code that runs it, and the pool.
//!
//! `cargo run --release -p examples --example custom_job`

#![expect(clippy::print_stdout, reason = "a program that shows something")]

use std::error::Error;

use pool::{Job, Pool};
use serde::{Deserialize, Serialize};
use worker::{Service, Setup};

/// The job is plain data. It may contain anything that serde can encode.
#[derive(Debug, Serialize, Deserialize)]
struct CountPrimes {
    from: u64,
    to: u64,
}

/// A job that can fail has a `Result` as its output.
impl Job for CountPrimes {
    type Output = Result<u64, String>;
    const NAME: &'static str = "count-primes";
}

/// Runs a job in the worker, with a state that the initialiser created: the small primes to divide by.
fn count(job: &CountPrimes, small: &[u64]) -> Result<u64, String> {
    if job.from > job.to {
        return Err(format!("the range {}..{} is empty", job.from, job.to));
    }
    let is_prime = |n: u64| {
        n > 1
            && small
                .iter()
                .take_while(|p| *p * *p <= n)
                .all(|p| !n.is_multiple_of(*p))
    };
    Ok((job.from..job.to).filter(|n| is_prime(*n)).count() as u64)
}

fn main() -> Result<(), Box<dyn Error>> {
    // This program is its own worker: started as one, it serves jobs here and never returns.
    let limit = |setup: &Setup| setup.argument::<u64>();
    let sieve = move |setup: &Setup| limit(setup).map(|limit| (2..limit).collect::<Vec<u64>>());
    Service::with_state(sieve, |job: CountPrimes, context| count(&job, context.state())).run_if_worker();

    let pool = Pool::<CountPrimes>::builder()
        .initialiser_argument(&1000_u64)
        .build()?;

    // One job, with a handle to wait for it.
    let handle = pool.submit(CountPrimes { from: 0, to: 100 })?;
    println!("primes below 100: {}", handle.wait()??);

    // Many jobs: outputs come in the order of the inputs, and there is no batch size to choose.
    let ranges = (0..100).map(|part| CountPrimes {
        from: part * 10_000,
        to: (part + 1) * 10_000,
    });
    let mut sum = 0;
    for count in pool.map(ranges) {
        sum += count??;
    }
    println!("primes below 1000000: {sum}");

    // A job's own error is its output.
    println!(
        "a bad range: {:?}",
        pool.submit(CountPrimes { from: 2, to: 1 })?.wait()?
    );
    Ok(())
}
