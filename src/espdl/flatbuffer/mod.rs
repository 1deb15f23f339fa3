//! The FlatBuffers wire format: checked reading, and writing of one tree of tables.
//!
//! By hand, since no generator in Rust reads ESP-DL's schema as it stands: a struct of
//! sixteen bytes with `force_align` is a fixed array, which planus refuses, and generated
//! code brings `unsafe` by the hundred. What is needed of the format is small
//! (<https://flatbuffers.dev/internals/>): tables, vectors, strings, structs.
//!
//! Never: what the fields mean; that is `schema`, `decode` and `encode`.

pub mod read;
pub mod write;
