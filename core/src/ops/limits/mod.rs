//! Limits that several operators share, one family per file.
//!
//! Never: limits of a single operator, which belong to its own file.

pub mod broadcast;
pub mod exponents;
pub mod pool;
pub mod recurrent;
pub mod spatial;
