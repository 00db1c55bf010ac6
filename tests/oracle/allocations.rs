//! Allocations.
//!
//! Tests that a short expression allocates nothing, from source to text.

use expression::{Evaluator, Limits};

use crate::cases::bindings;

#[test]
fn short_expressions_allocate_nothing_once_an_evaluator_is_warm() {
    let names = bindings();
    let mut evaluator = Evaluator::new(Limits::default());
    let mut out = Vec::with_capacity(64);
    for source in [
        "1+2+3",
        "(x + 1) * 2 - y // 3",
        "z * 2.5 / price",
        "1 < x <= 30 and not x == 5",
        "x if flag else -x",
        "0xff & ~x | 1000",
    ] {
        let mut evaluate = || {
            out.clear();
            evaluator
                .eval_into(source.as_bytes(), &names, &mut out)
                .expect("a value");
        };
        evaluate();
        let taken = allocation_counter::measure(evaluate);
        assert_eq!(taken.count_total, 0, "{source}");
    }
}
