//! To be written.

#[cfg_attr(
    not(test),
    expect(
        dead_code,
        unused_imports,
        reason = "the driver that uses it is still to come"
    )
)]
mod scheduler;
