//! Models of other formats than ONNX, from the float outputs to the exported file, and files that espq does not read.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

mod pt2;
mod suite;
mod tflite;
