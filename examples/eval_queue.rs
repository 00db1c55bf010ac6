//! The notes' example: evaluate an expression elsewhere, and put what is made of the value on a queue.
//!
//! In the notes a process does `ret = eval('1+2+3')` and puts `{ret, 2, 3}`, `ret*2` and `ret*4` on a
//! `multiprocessing.Queue`, from which the main process gets them in that order. Here the processes are the pool's
//! workers, and the queue is what every submitted job goes through, first in, first out.
//!
//! `cargo run --release -p examples --example eval_queue`

#![expect(clippy::print_stdout, reason = "a program that shows something")]

use std::{collections::VecDeque, error::Error};

use pool::{JobHandle, Pool};
use protocol::Eval;

fn main() -> Result<(), Box<dyn Error>> {
    worker::eval::service().run_if_worker();

    let pool = Pool::<Eval>::builder().workers(2).build()?;
    let expression = std::env::args().nth(1).unwrap_or_else(|| "1+2+3".to_owned());

    let ret = pool.submit(Eval::new(expression))?.wait()??;
    let mut queue: VecDeque<JobHandle<Eval>> = VecDeque::new();
    for made_of_it in ["{ret,2,3}", "ret*2", "ret*4"] {
        queue.push_back(pool.submit(Eval::new(made_of_it).bind("ret", ret.as_str()))?);
    }
    while let Some(handle) = queue.pop_front() {
        println!("{}", handle.wait()??);
    }
    Ok(())
}
