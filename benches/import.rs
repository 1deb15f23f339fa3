//! Time to read model files, side by side: a program of PyTorch must not take longer than its ONNX.
//!
//!     cargo bench --bench import -- net.pt2 net.onnx
//!
//! The two files are the same model, saved with `torch.export.save(torch.export.export(model, inputs), "net.pt2")` and with
//! `torch.onnx.export(model, inputs, "net.onnx", opset_version=18, dynamo=False)`.
//!
//! Without paths, the program `mobile` of the fixtures is read. The files take turns, so that what else the machine does
//! slows all of them down. `bytes` is the part that fetches the file, which no reader can save; `whole` has it, too.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A benchmark ends by a panic.

use std::path::{Path, PathBuf};
use std::time::Instant;

use espq::model;

#[global_allocator]
static ALLOCATOR: espq::memory::Allocator = espq::memory::Allocator;

const ROUNDS: usize = 300;

fn main() -> espq::Result<()> {
    let mut files: Vec<PathBuf> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect();
    if files.is_empty() {
        files.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pt2/mobile/model.pt2"));
    }
    espq::memory::keep();
    let mut times = vec![(Vec::new(), Vec::new()); files.len()];
    for _ in 0..ROUNDS {
        for (file, (bytes, whole)) in files.iter().zip(&mut times) {
            bytes.push(milliseconds(|| model::read(file))?);
            whole.push(milliseconds(|| model::load(file))?);
        }
    }
    for (file, (bytes, whole)) in files.iter().zip(&mut times) {
        println!("bytes {:6.2} ms, whole {:6.2} ms: {}", median(bytes), median(whole), file.display());
    }
    if let [(_, first), rest @ ..] = times.as_mut_slice() {
        for ((_, other), file) in rest.iter_mut().zip(&files[1..]) {
            println!("{:.2} of the time of {}", median(first) / median(other), file.display());
        }
    }
    Ok(())
}

/// Times a step; what it makes is dropped after the clock has stopped.
fn milliseconds<T>(step: impl FnOnce() -> espq::Result<T>) -> espq::Result<f64> {
    let start = Instant::now();
    let made = step()?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    drop(made);
    Ok(time)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
