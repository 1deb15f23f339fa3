//! The FlatBuffers wire format: checked reading, and writing of one tree of tables.
//!
//! Written by hand, since no Rust generator reads ESP-DL's schema unchanged: its 16-byte struct with `force_align` is a
//! fixed array, which planus refuses, and generated code contains hundreds of `unsafe` blocks. The required part of the
//! format is small (<https://flatbuffers.dev/internals/>): tables, vectors, strings, structs.
//!
//! Never: the meaning of fields, which is in `schema`, `decode` and `encode`.

pub mod read;
pub mod write;
