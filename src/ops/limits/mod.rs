//! Limits that several operators share, one family a file.
//!
//! Never: limits of one operator, which stand in its own file.

pub mod broadcast;
pub mod exponents;
pub mod pool;
pub mod recurrent;
pub mod spatial;
