//! Evaluates an expression in another process, which puts results of it on a queue.
//!
//! In Python a process does `ret = eval('1+2+3')` and puts `{ret, 2, 3}`, `ret*2` and `ret*4` on a queue, from which the
//! main code gets them in that order. So does this program; its `eval` is this library's evaluator, which is safe for any
//! expression.
//!
//! `cargo run --release -p examples --example eval_queue`, or with another expression behind `--`

#![expect(clippy::print_stdout, reason = "a program that shows something")]
#![expect(clippy::needless_pass_by_value, reason = "arguments arrive as values")]

use pool::{Process, Queue};
use worker::expression::{Error, Expression, Limits, Names, Value};

/// The value of an expression.
fn eval(source: &str, names: &Names) -> Result<Value, Error> {
    Expression::parse(source)?.evaluate(names, &Limits::default())
}

/// Runs in the child: evaluates the expression and puts results of its value on the queue.
fn task(queue: Queue<String>, expression: String) -> Result<(), String> {
    let mut names = Names::default();
    let ret = eval(&expression, &names).map_err(|error| error.to_string())?;
    names.bind("ret", ret).map_err(|error| error.to_string())?;
    for made_of_it in ["{ret, 2, 3}", "ret*2", "ret*4"] {
        let text = eval(made_of_it, &names).and_then(|value| value.repr(&Limits::default()));
        let text = text.map_err(|error| error.to_string())?;
        queue.put(text).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    pool::main(|| {
        let expression = std::env::args().nth(1).unwrap_or_else(|| "1+2+3".to_owned());
        let queue = Queue::new()?;
        let process = Process::new(task, (queue.clone(), expression)).start()?;
        process.join()??;
        queue.close()?;
        for value in &queue {
            println!("{}", value?);
        }
        Ok(())
    })
}
