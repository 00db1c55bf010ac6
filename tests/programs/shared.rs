//! The programs whose processes share something.

use crate::{lines, run};

/// What the last line of `tickets` says: sold, left.
fn tickets(arguments: &[&str]) -> (u32, u32) {
    let printed = lines("tickets", arguments);
    let last = printed.last().expect("a line");
    let numbers = last
        .strip_prefix("sold ")
        .and_then(|rest| rest.split_once(", left "));
    let (sold, left) = numbers.unwrap_or_else(|| panic!("{printed:?}"));
    (sold.parse().expect("a number"), left.parse().expect("a number"))
}

#[test]
fn the_tickets_sold_are_the_tickets_there_were() {
    for _ in 0..10 {
        assert_eq!(tickets(&["--tickets", "5", "--users", "10"]), (5, 0));
    }
    assert_eq!(tickets(&["--tickets", "20", "--users", "4"]), (4, 16));
    assert_eq!(
        tickets(&["--tickets", "50", "--users", "5", "--each", "20"]),
        (50, 0)
    );
    assert_eq!(tickets(&["--tickets", "0", "--users", "3"]), (0, 0));
    assert_eq!(tickets(&["--tickets", "3", "--users", "0"]), (0, 3));
}

#[test]
fn without_the_lock_the_race_shows() {
    let arguments = ["--tickets", "50", "--users", "10", "--each", "10", "--no-lock"];
    // On a busy machine the users may run one after another, but not every time.
    let oversold = (0..20)
        .map(|_| tickets(&arguments))
        .any(|(sold, left)| sold + left > 50);
    assert!(oversold, "no two users collided in twenty runs");
}

#[test]
fn eval_queue_gives_what_is_made_of_the_value_in_order() {
    assert_eq!(lines("eval_queue", &[]), ["{2, 3, 6}", "12", "24"]);
    assert_eq!(
        lines("eval_queue", &["2**70"]),
        [
            "{2, 3, 1180591620717411303424}",
            "2361183241434822606848",
            "4722366482869645213696",
        ]
    );
    let failed = run("eval_queue", &["1/0"]);
    assert!(!failed.status.success());
    let text = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(text.contains("division by zero"), "{text}");
}

#[test]
fn pipe_and_queue_loses_no_piece() {
    let printed = lines("pipe_and_queue", &[]);
    let pieces = ["first: 1000 pieces", "second: 1000 pieces", "third: 1000 pieces"];
    assert_eq!(printed[0], "consumer: count them");
    assert_eq!(printed[1..], pieces);
}
