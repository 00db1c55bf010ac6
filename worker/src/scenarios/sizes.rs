//! Jobs and results of every size.

use protocol::{
    Fault,
    board::ring::MAX_RING_RESULT,
    payload::{area::KEPT_BYTES, layout::LARGE_BYTES},
};

use super::echo;
use crate::fake_parent::{StartOptions, start_ready};

#[test]
fn jobs_and_results_of_every_size_arrive_whole() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    // An encoded text is a few bytes longer than the text.
    let sizes = [
        0,
        1,
        LARGE_BYTES - 4,
        LARGE_BYTES - 3,
        LARGE_BYTES - 2,
        LARGE_BYTES,
        1 << 20,
        KEPT_BYTES + 1,
        5,
    ];
    for (position, size) in sizes.into_iter().enumerate() {
        let text: String = (0..size)
            .map(|index| char::from(b'a' + (index % 23) as u8))
            .collect();
        parent.send(&[&text]);
        assert!(
            parent.output(position as u64) == text,
            "{size} bytes came back changed"
        );
    }
}

#[test]
fn large_results_of_one_frame_are_published_one_after_the_other() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    let sizes = [MAX_RING_RESULT, 1, 3 << 20, 20 << 20, 0, MAX_RING_RESULT + 1];
    let tasks: Vec<String> = sizes.iter().map(|size| format!("bytes {size}")).collect();
    parent.send(&tasks.iter().map(String::as_str).collect::<Vec<_>>());
    for (position, size) in sizes.into_iter().enumerate() {
        assert_eq!(parent.output(position as u64).len(), size);
    }
}

#[test]
fn a_result_over_the_limit_is_a_fault_that_names_both_sizes() {
    let options = StartOptions {
        message_limit: 100_000,
        ..StartOptions::default()
    };
    let mut parent = start_ready(echo(), &options);
    parent.send(&["bytes 99997", "bytes 99998", "bytes 5"]);
    assert_eq!(parent.output(0).len(), 99_997);
    let expected = Fault::TooLarge {
        bytes: 100_001,
        limit: 100_000,
    };
    assert_eq!(parent.fault(1), expected);
    assert_eq!(parent.output(2).len(), 5);
}

#[test]
fn a_result_without_memory_for_it_is_a_fault() {
    let mut parent = start_ready(echo(), &StartOptions::default());
    parent.forbid_large_results();
    parent.send(&["bytes 50000", "bytes 5"]);
    assert!(matches!(parent.fault(0), Fault::NotHandedOver(_)));
    assert_eq!(parent.output(1).len(), 5);
}
