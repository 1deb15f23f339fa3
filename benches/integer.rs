//! Time of the integer pass of a project's exported file compared with the float forward pass of its model, one sample
//! each.
//!
//!     cargo bench --bench integer -- path/to/espq.toml
//!
//! Without a path, the project in `ESPQ_BENCH_PROJECT` is used, or else the digits fixture. Both passes alternate and
//! are measured by their thread's CPU time, so that the ratio is valid on a busy machine, too. The slowest operators of
//! the integer pass follow, with the minimum of each.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use espq::engine::{Engine, ExportOptions, Silent};
use espq::espdl;
use espq::exec::Program;
use espq::graph::{Graph, Tensor, ValueId};
use espq::project::Project;
use espq::runtime::run;
use espq::{Result, model, simplify};

const ROUNDS: usize = 20;
/// Consecutive passes per measurement, since the system counts a thread's time in steps of a few milliseconds.
const PASSES: u32 = 5;

/// Makes values in -1..1, spread over the range like a low-discrepancy sequence.
fn sample(graph: &Graph, id: ValueId) -> Result<Tensor> {
    let shape = graph.value(id).shape.clone().unwrap_or_default();
    let golden = |i: usize| (i as f64 * 0.618_033_988_749_895).fract() as f32 * 2.0 - 1.0;
    Tensor::new(&shape, (0..shape.iter().product()).map(golden).collect())
}

/// Returns the CPU time of this thread, or the time of day if the system does not provide it.
fn ran() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = counted.and_then(|text| text.split_whitespace().next()?.parse().ok());
    nanoseconds.map_or_else(|| START.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}

/// Mean milliseconds of a pass.
fn milliseconds<T>(run: impl Fn() -> Result<T>) -> Result<f64> {
    let start = ran();
    for _ in 0..PASSES {
        std::hint::black_box(run()?);
    }
    Ok((ran() - start).as_secs_f64() * 1e3 / f64::from(PASSES))
}

fn profile(program: &run::Program, file: &espdl::Model) -> Result<Vec<(String, f64)>> {
    let operators: HashMap<&str, &str> = file.graph.nodes.iter().map(|n| (n.name.as_str(), n.op.as_str())).collect();
    let mut nodes: HashMap<String, f64> = HashMap::new();
    for _ in 0..ROUNDS * PASSES as usize {
        let mut last = Instant::now();
        program.watch(&file.graph.test_inputs, &mut |made| {
            let time = last.elapsed().as_secs_f64() * 1e3;
            nodes.entry(made.node.to_string()).and_modify(|least| *least = least.min(time)).or_insert(time);
            last = Instant::now();
            Ok(())
        })?;
    }
    let mut times: HashMap<&str, f64> = HashMap::new();
    for (node, time) in &nodes {
        *times.entry(operators.get(node.as_str()).copied().unwrap_or_default()).or_default() += time;
    }
    let mut rows: Vec<(String, f64)> = times.into_iter().map(|(operator, time)| (operator.to_string(), time)).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(rows)
}

#[global_allocator]
static ALLOCATOR: espq::memory::Allocator = espq::memory::Allocator;

fn main() -> Result<()> {
    let given = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let path = given.or_else(|| std::env::var("ESPQ_BENCH_PROJECT").ok());
    let path = path.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/digits").to_string());
    let project = Project::load(Path::new(&path))?;
    espq::memory::keep();
    let engine = Engine::new(None);
    let exported = engine.open(project.clone()).export(ExportOptions { test_values: true, encrypt: false }, &Silent)?;
    let file = espdl::read(&exported.espdl)?;

    let graph = simplify::simplify(model::load(&project.model_path()?)?)?.graph;
    let inputs = graph.inputs.iter().map(|&id| sample(&graph, id)).collect::<Result<Vec<Tensor>>>()?;
    let (float, wanted) = (Program::float(&graph)?, vec![false; graph.values.len()]);
    let start = ran();
    let integer = run::Program::new(&file, exported.target)?;
    println!("prepared           {:8.2} ms, for {}", (ran() - start).as_secs_f64() * 1e3, exported.target);

    let (mut floats, mut integers) = (0.0, 0.0);
    for _ in 0..ROUNDS {
        floats += milliseconds(|| float.run(&inputs, &wanted, &mut |_, _| Ok(())))?;
        integers += milliseconds(|| integer.run(&file.graph.test_inputs))?;
    }
    println!("float forward pass {:8.2} ms", floats / ROUNDS as f64);
    println!("integer pass       {:8.2} ms, {:.2} float passes", integers / ROUNDS as f64, integers / floats);
    for (operator, time) in profile(&integer, &file)? {
        println!("  {operator:<20} {time:8.3} ms");
    }
    Ok(())
}
