//! The integer pass of a project's exported file beside the float forward pass of its model, one sample each.
//!
//!     cargo bench --bench integer -- path/to/espq.toml
//!
//! Without a path, the project that the variable `ESPQ_BENCH_PROJECT` names, else the digits fixture. Both passes take turns, so
//! that what else runs on the machine slows both; the figures are medians. Then: which operators take the integer pass's time.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use espq::chip::Target;
use espq::engine::{Engine, Options, Silent, Wanted};
use espq::espdl;
use espq::exec::Program;
use espq::graph::{Graph, Tensor, ValueId};
use espq::project::Project;
use espq::runtime::run;
use espq::{Result, model, simplify};

const ROUNDS: usize = 51;

/// Values in -1..1, spread over the range as a low-discrepancy sequence is.
fn sample(graph: &Graph, id: ValueId) -> Result<Tensor> {
    let shape = graph.value(id).shape.clone().unwrap_or_default();
    let golden = |i: usize| (i as f64 * 0.618_033_988_749_895).fract() as f32 * 2.0 - 1.0;
    Tensor::new(&shape, (0..shape.iter().product()).map(golden).collect())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn milliseconds<T>(run: impl FnOnce() -> Result<T>) -> Result<f64> {
    let start = Instant::now();
    std::hint::black_box(run()?);
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn profile(program: &run::Program, file: &espdl::Model) -> Result<Vec<(String, f64)>> {
    let operators: HashMap<&str, &str> = file.graph.nodes.iter().map(|n| (n.name.as_str(), n.op.as_str())).collect();
    let mut times: HashMap<String, Vec<f64>> = HashMap::new();
    for _ in 0..ROUNDS {
        let mut round: HashMap<String, f64> = HashMap::new();
        let mut last = Instant::now();
        program.watch(&file.graph.test_inputs, &mut |made| {
            let operator = operators.get(made.node).copied().unwrap_or_default();
            *round.entry(operator.to_string()).or_default() += last.elapsed().as_secs_f64() * 1e3;
            last = Instant::now();
            Ok(())
        })?;
        round.into_iter().for_each(|(operator, time)| times.entry(operator).or_default().push(time));
    }
    let mut rows: Vec<(String, f64)> = times.into_iter().map(|(operator, times)| (operator, median(times))).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(rows)
}

fn main() -> Result<()> {
    let given = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let path = given.or_else(|| std::env::var("ESPQ_BENCH_PROJECT").ok());
    let path = path.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/digits").to_string());
    let project = Project::load(Path::new(&path))?;
    espq::memory::keep();
    let engine = Engine::new(Options { activations: 512 << 20, cache: None });
    let exported = engine.open(project.clone()).export(Wanted { test_values: true, encrypt: false }, &Silent)?;
    let target: Target = exported.target;
    let file = espdl::read(&exported.espdl)?;

    let graph = simplify::simplify(model::load(&project.model_path()?)?)?.graph;
    let inputs = graph.inputs.iter().map(|&id| sample(&graph, id)).collect::<Result<Vec<Tensor>>>()?;
    let (float, wanted) = (Program::float(&graph)?, vec![false; graph.values.len()]);
    let start = Instant::now();
    let integer = run::Program::new(&file, target)?;
    println!("prepared           {:8.2} ms, for {target}", start.elapsed().as_secs_f64() * 1e3);

    let (mut floats, mut integers) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floats.push(milliseconds(|| float.run(&inputs, &wanted, &mut |_, _| Ok(())))?);
        integers.push(milliseconds(|| integer.run(&file.graph.test_inputs))?);
    }
    let ratios = floats.iter().zip(&integers).map(|(float, integer)| integer / float).collect();
    println!("float forward pass {:8.2} ms", median(floats));
    println!("integer pass       {:8.2} ms, {:.2} float passes", median(integers), median(ratios));
    for (operator, time) in profile(&integer, &file)? {
        println!("  {operator:<20} {time:8.3} ms");
    }
    Ok(())
}
