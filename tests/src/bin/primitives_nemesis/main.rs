//! Kills the holders, producers and consumers of shared objects at random instants, and checks every promise.
//!
//! `primitives_nemesis --kills 10000 --seed 1` runs four processes that lock, put, get and take permits without a pause,
//! and sends SIGKILL to one after the other. The last line is one JSON object; the exit code is 1 when a promise was
//! broken. With the same seed the processes choose the same operations; the instants of the kills are the machine's.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its findings go to standard error, and the account to standard output"
)]

mod account;
mod test_bed;
mod victim;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use account::Account;
use sync::{GetError, LockError};
use test_bed::{TestBed, Victim};

/// How many processes there are at a time.
const VICTIMS: usize = 4;

/// A wait of more than this is a hang.
const STUCK: Duration = Duration::from_secs(20);

/// Within this a dead holder is to be noticed.
const PROMPT: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, handles, seed] = arguments.as_slice()
        && first == "--victim"
    {
        victim::run(handles, seed.parse().expect("a seed"));
    }
    let number = |name: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)).map_or(default, |value| {
            value.parse().unwrap_or_else(|_| panic!("{name} needs a number"))
        })
    };
    let (kills, seed) = (number("--kills", 10_000), number("--seed", 1));
    let account = persecute(kills, seed);
    println!("{}", account.json());
    if account.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Kills so many processes, and balances the account.
fn persecute(kills: u64, seed: u64) -> Account {
    let mut random = fastrand::Rng::with_seed(seed);
    let test_bed = TestBed::new();
    let mut account = Account::new(seed);
    let mut victims: Vec<Victim> = (0..VICTIMS).map(|_| test_bed.start(&mut random)).collect();
    while account.kills < kills {
        let index = random.usize(..VICTIMS);
        pause(&victims[index], &mut random);
        let dead = std::mem::replace(&mut victims[index], test_bed.start(&mut random));
        account.book(&dead.kill());
        account.kills += 1;
        check_lock(&test_bed, &mut account);
        if account.stuck > 0 {
            break;
        }
    }
    for victim in victims {
        account.book(&victim.kill());
    }
    check_lock(&test_bed, &mut account);
    check_permits(&test_bed, &mut account);
    check_objects(&test_bed, &mut account);
    account.balance(&test_bed);
    account
}

/// Waits for a random instant while a process runs: mostly in its work, sometimes while it starts.
fn pause(victim: &Victim, random: &mut fastrand::Rng) {
    if random.u8(..) > 20 {
        victim.wait_until_at_work();
    }
    let end = Instant::now() + Duration::from_micros(random.u64(..2_000));
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

/// Whether the lock of a dead holder is to be had again, and tells of the death.
fn check_lock(test_bed: &TestBed, account: &mut Account) {
    let start = Instant::now();
    let locked = test_bed.lock.lock_timeout(STUCK);
    account.waited(start.elapsed());
    let is_told = match &locked {
        Ok(_) => false,
        Err(LockError::Poisoned(_)) => true,
        Err(error) => {
            eprintln!("the lock: {error}");
            account.stuck += 1;
            return;
        }
    };
    match test_bed.inside.lock_timeout(STUCK) {
        Ok(mut inside) => account.saw(is_told, std::mem::take(&mut *inside)),
        Err(LockError::Poisoned(poisoned)) => {
            account.saw(true, std::mem::take(&mut *poisoned.into_guard()));
            test_bed.inside.clear_poison();
        }
        Err(error) => {
            eprintln!("the value: {error}");
            account.stuck += 1;
        }
    }
    test_bed.lock.clear_poison();
}

/// Whether no object is left of those that the dead made, once those in the queue are used up.
fn check_objects(test_bed: &TestBed, account: &mut Account) {
    // A call that fails, or does not wait, reclaims what dead processes held first.
    drop(test_bed.semaphore.try_acquire());
    loop {
        match test_bed.trade.try_get() {
            Ok(wares) => drop(wares),
            Err(GetError::Empty) => break,
            Err(error) => {
                eprintln!("the trade: {error}");
                account.leaked += 1;
            }
        }
    }
    account.leaked += sync::object_count().abs_diff(test_bed::OBJECTS);
}

/// Whether all permits come back when all who held some are dead.
fn check_permits(test_bed: &TestBed, account: &mut Account) {
    let permits: Vec<_> = (0..victim::PERMITS)
        .map(|_| test_bed.semaphore.acquire_timeout(STUCK))
        .collect();
    account.permits_lost = permits.iter().filter(|permit| permit.is_err()).count() as u64;
}
