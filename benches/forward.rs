//! Time of the float forward pass of one sample.
//!
//! `cargo bench --bench forward` times the fixtures; `--serve MODEL` reads counts, one per line of standard input, and
//! prints the mean milliseconds of that many passes, for `versus_esp_ppq.py --forward`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A benchmark ends by a panic.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use criterion::Criterion;
use espq::Result;
use espq::exec::Program;
use espq::graph::{Graph, Tensor};
use espq::model;
use espq::simplify;

struct Forward {
    program: Program,
    inputs: Vec<Tensor>,
    wanted: Vec<bool>,
}

impl Forward {
    fn new(model: &Path) -> Result<Forward> {
        let graph = simplify::simplify(model::load(model)?)?.graph;
        let inputs = graph.inputs.iter().map(|&id| sample(&graph, id)).collect::<Result<_>>()?;
        Ok(Forward { program: Program::float(&graph)?, inputs, wanted: vec![false; graph.values.len()] })
    }

    fn run(&self) -> Result<Vec<Tensor>> {
        self.program.run(&self.inputs, &self.wanted, &mut |_, _| Ok(()))
    }
}

/// Makes values in -1..1, spread over the range like a low-discrepancy sequence.
fn sample(graph: &Graph, id: espq::graph::ValueId) -> Result<Tensor> {
    let shape = graph.value(id).shape.clone().unwrap_or_default();
    let count = shape.iter().product();
    let golden = |i: usize| (i as f64 * 0.618_033_988_749_895).fract() as f32 * 2.0 - 1.0;
    Tensor::new(&shape, (0..count).map(golden).collect())
}

fn serve(model: &Path) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let forward = Forward::new(model)?;
    forward.run()?;
    for line in std::io::stdin().lock().lines() {
        let count: u32 = line?.trim().parse()?;
        let start = Instant::now();
        for _ in 0..count {
            std::hint::black_box(forward.run()?);
        }
        println!("{}", start.elapsed().as_secs_f64() * 1e3 / f64::from(count.max(1)));
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, model, ..] = arguments.as_slice()
        && flag == "--serve"
    {
        return serve(Path::new(model));
    }
    let mut criterion = Criterion::default().configure_from_args();
    for fixture in ["digits", "mixed", "conv1d", "lstm"] {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture).join("model.onnx");
        let forward = Forward::new(&model)?;
        criterion.bench_function(&format!("forward/{fixture}"), |b| b.iter(|| forward.run()));
    }
    criterion.final_summary();
    Ok(())
}
