//! Jobs submitted as an iterator.

use std::{cell::RefCell, collections::VecDeque, error::Error, thread, time::Instant};

use pool::{Pool, SubmitError, stream::Order};

use crate::{arrivals::Arrivals, job::Load, recipe::Recipe, recorder::Recorder};

/// When the jobs under way began, by number.
#[derive(Debug, Default)]
struct Starts {
    first: u64,
    starts: VecDeque<Option<Instant>>,
}

impl Starts {
    fn push(&mut self, start: Instant) {
        self.starts.push_back(Some(start));
    }

    /// The start of a job that has come back, which is forgotten.
    fn take(&mut self, number: u64) -> Instant {
        let place = (number - self.first) as usize;
        let start = self.starts[place].take().expect("an output comes once");
        while let Some(None) = self.starts.front() {
            self.starts.pop_front();
            self.first += 1;
        }
        start
    }
}

/// A closed loop: `map` takes a job when fewer are under way than the pool's window has places.
pub(crate) fn closed(
    pool: &Pool<Load>,
    recipe: &Recipe,
    arrivals: Arrivals,
    order: Order,
    recorder: &mut Recorder,
) {
    let starts = RefCell::new(Starts::default());
    let jobs = arrivals.map(|(number, start)| {
        starts.borrow_mut().push(start);
        recipe.job(number)
    });
    match order {
        Order::Input => {
            for (number, output) in (0..).zip(pool.map(jobs)) {
                recorder.take(starts.borrow_mut().take(number), &output);
            }
        }
        Order::Completion => {
            for (number, output) in pool.map_unordered(jobs) {
                recorder.take(starts.borrow_mut().take(number), &output);
            }
        }
    }
}

/// An open loop. The thread that waits for jobs to be due must not delay the outputs, so there are two threads, one at each
/// end of a stream.
pub(crate) fn open(
    pool: &Pool<Load>,
    recipe: &Recipe,
    arrivals: Arrivals,
    order: Order,
    recorder: &mut Recorder,
) -> Result<(), Box<dyn Error>> {
    let (mut input, output) = pool.stream(order);
    let schedule = arrivals.clone();
    thread::scope(|scope| {
        let sending = scope.spawn(move || -> Result<(), SubmitError> {
            for (number, _due) in arrivals {
                input.send(&recipe.job(number))?;
            }
            Ok(())
        });
        for (number, output) in output {
            let due = schedule.due(number).expect("an open loop has a rate");
            recorder.take(due, &output);
        }
        Ok(sending.join().expect("the sending thread does not panic")?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_in_any_order_find_their_starts_which_are_then_forgotten() {
        let (mut starts, begun) = (Starts::default(), Instant::now());
        let at = |number: u64| begun + std::time::Duration::from_secs(number);
        (0..6).for_each(|number| starts.push(at(number)));
        for number in [3, 0, 1, 5, 2, 4] {
            assert_eq!(starts.take(number), at(number));
        }
        assert!(starts.starts.is_empty());
        starts.push(at(6));
        assert_eq!(starts.take(6), at(6));
    }
}
