//! Stories of whole workers, told by a stand-in for their parent.

use crate::{
    service::Service,
    stand_in::{Task, Terms, hire},
};

/// Answers with what it is asked, and panics when asked to.
fn echo() -> Service<'static> {
    Service::new(|task: Task, _cx| match task.0.strip_prefix("panic ") {
        Some(message) => panic!("{message}"),
        None => task.0,
    })
}

#[test]
fn jobs_are_run_in_order_and_the_worker_ends_well() {
    let mut parent = hire(echo(), &Terms::default());
    parent.send(&["a", "", "b"]);
    parent.send(&["c"]);
    let outputs: Vec<_> = (0..4).map(|position| parent.output(position)).collect();
    assert_eq!(outputs, ["a", "", "b", "c"]);
    let progress = parent.attend_until_received(2);
    assert_eq!(progress.done, 4);
    assert_eq!(parent.board.running(0), None);
    parent.close().unwrap();
}
