//! The operators and `round`.

pub(crate) mod arithmetic;
pub(crate) mod comparison;
pub(crate) mod contains;
pub(crate) mod division;
pub(crate) mod float_division;
pub(crate) mod power;
pub(crate) mod round;
pub(crate) mod slice;
