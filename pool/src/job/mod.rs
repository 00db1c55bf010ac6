//! Jobs on their way from a caller to a worker: encoded, kept in spans, and put into frames.

pub(crate) mod encode;
pub(crate) mod jobs;
pub(crate) mod lines;
