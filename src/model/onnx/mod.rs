//! ONNX files: protobuf messages, loading, external data, size limits.
//!
//! [`load`] gives the model as its file has it, with three simplifications that lose nothing:
//! `Constant` nodes become constants, float16 and bfloat16 are widened, and a symbolic batch is 1.
//! The file is only read. Never: quantization, rewrites of the graph.

mod external;
mod load;
mod proto;
mod tensor;

pub use external::{files as external_files, inside as external_file};
pub use load::{load, parse, read};

#[cfg(test)]
mod tests;
