//! Jobs submitted one by one; their outputs are taken in the order of submission.

use std::{collections::VecDeque, error::Error, thread};

use crossbeam_channel::unbounded;
use pool::Pool;

use crate::{arrivals::Arrivals, job::Load, recipe::Recipe, recorder::Recorder};

/// A closed loop: a job is submitted when fewer than `in_flight` are under way. With 1 it is a lone job each time.
pub(crate) fn closed(
    pool: &Pool<Load>,
    recipe: &Recipe,
    arrivals: Arrivals,
    in_flight: usize,
    recorder: &mut Recorder,
) -> Result<(), Box<dyn Error>> {
    let mut handles = VecDeque::new();
    for (number, start) in arrivals {
        handles.push_back((start, pool.submit(recipe.job(number))?));
        if handles.len() == in_flight
            && let Some((start, handle)) = handles.pop_front()
        {
            recorder.take(start, &handle.wait());
        }
    }
    for (start, handle) in handles {
        recorder.take(start, &handle.wait());
    }
    Ok(())
}

/// An open loop: one thread submits when jobs are due, another takes the outputs.
pub(crate) fn open(
    pool: &Pool<Load>,
    recipe: &Recipe,
    arrivals: Arrivals,
    recorder: &mut Recorder,
) -> Result<(), Box<dyn Error>> {
    // The pool bounds them: submit waits while its queue is full.
    let (sender, receiver) = unbounded();
    thread::scope(|scope| {
        let taking = scope.spawn(move || {
            for (start, handle) in receiver {
                let handle: pool::JobHandle<Load> = handle;
                recorder.take(start, &handle.wait());
            }
        });
        for (number, start) in arrivals {
            sender.send((start, pool.submit(recipe.job(number))?))?;
        }
        drop(sender);
        taking.join().expect("the taking thread does not panic");
        Ok(())
    })
}
