//! Fuzzing of the readers: fixtures are mutated, and each input must be read or refused with an error.
//!
//! `cargo test` gives each reader a thousand inputs or more, and every input of `fuzz/corpus`, which keeps those that
//! once failed. By hand, a million for one reader:
//!
//!     FUZZ_INPUTS=1000000 cargo test --profile fuzz --test fuzz -- --nocapture onnx
//!
//! `FUZZ_SEED` starts another sequence of inputs. `FUZZ_TRACE=1` writes each input to a file before it is read, for
//! faults that end the process.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

#[allow(unsafe_code)] // A global allocator needs it.
mod memory;
mod mutate;
mod run;
mod targets;

use run::fuzz;

#[test]
fn onnx() {
    fuzz(&targets::Onnx::new(), 3000);
}

#[test]
fn tflite() {
    fuzz(&targets::TfLite, 3000);
}

#[test]
fn pt2() {
    fuzz(&targets::Pt2, 1000);
}

#[test]
fn pt2_program() {
    fuzz(&targets::Pt2Program::new(), 3000);
}

#[test]
fn espq_toml() {
    fuzz(&targets::Configuration::new(), 1500);
}

#[test]
fn espdl() {
    fuzz(&targets::Espdl::new(), 3000);
}

#[test]
fn npy() {
    fuzz(&targets::Arrays::npy(), 1000);
}

#[test]
fn npz() {
    fuzz(&targets::Arrays::npz(), 1000);
}
