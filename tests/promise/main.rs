//! A test of the promise: for random small networks, the file is refused with a reason, or the chip computes what the
//! report says, or the layer that differs is named.
//!
//! 500 networks by default; `ESPQ_PROMISES=10000 cargo test --test promise` tries as many as it says. With
//! `ESPQ_PROMISES_FILES=FOLDER`, files that are right are written there with test values, for `cargo xtask judge`, and reasons
//! of refusals as `reasons.txt`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

mod arithmetic;
mod found;
mod moves;
mod network;
mod sequences;
mod windows;

use espq::analysis::{Comparison, OnChip};
use espq::chip::{Method, NodeOrder, Runtime, Scheme, Target};
use espq::exec::{Program, Samples};
use espq::graph::{DataType, Tensor};
use espq::model::Imported;
use espq::proof::{self, Subject};
use espq::quant::{self, Observations, Quantized, Settings};
use espq::simplify::simplify;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use network::{Layer, network};

#[derive(Debug, Clone)]
struct Case {
    layers: Vec<Layer>,
    shape: usize,
    target: Target,
    scheme: Scheme,
    method: Method,
    runtime: Runtime,
    /// Layers at another precision than the model's, or with another observer, by their place.
    other: Vec<(usize, Scheme)>,
    observed: Vec<(usize, Method)>,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let target = prop::sample::select(vec![Target::Esp32p4, Target::Esp32s3, Target::Esp32c3]);
    let scheme = prop::sample::select(vec![Scheme::Int8, Scheme::Int8, Scheme::Int16]);
    let method = || prop::sample::select(Method::ALL.to_vec());
    let runtime = prop::sample::select(vec![Runtime::KNOWN, Runtime::PLAIN_ROWS]);
    let layers = prop::collection::vec(network::layer(), 1..7);
    let own = prop::sample::select(vec![Scheme::Int8, Scheme::Int16, Scheme::Float]);
    let other = prop::collection::vec((0usize..8, own), 0..3);
    let observed = prop::collection::vec((0usize..8, method()), 0..2);
    let settings = (target, scheme, method(), runtime, other, observed);
    (layers, 0usize..network::SHAPES.len(), settings, any::<u64>()).prop_map(|(layers, shape, settings, seed)| {
        let (target, scheme, method, runtime, other, observed) = settings;
        Case { layers, shape, target, scheme, method, runtime, other, observed, seed }
    })
}

struct Drawn(Vec<Vec<Tensor>>);

impl Samples for Drawn {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn sample(&self, index: usize) -> espq::Result<Vec<Tensor>> {
        self.0[..].sample(index)
    }
}

/// Result of one network, for the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    NotQuantized,
    Refused,
    Differs,
    Equal,
}

fn quantized(case: &Case) -> espq::Result<(Quantized, Drawn)> {
    let graph = network(&case.layers, case.shape, case.seed);
    let simplified = simplify(Imported::of(graph))?.graph;
    let samples = Drawn(network::samples(&simplified, case.seed, 4));
    let mut settings = Settings { method: Some(case.method), ..Settings::new(case.target, case.scheme) };
    let name = |place: usize| simplified.nodes.get(place).map(|node| node.name.clone());
    let own = case.other.iter().filter_map(|&(place, scheme)| Some((name(place)?, scheme)));
    settings.layer_schemes.extend(own);
    settings.layer_methods.extend(case.observed.iter().filter_map(|&(place, method)| Some((name(place)?, method))));
    let plan = quant::plan(&simplified, &settings)?;
    let quantized = quant::calibrate(plan, &samples, &mut Observations::default(), &|| Ok(()))?;
    Ok((quantized, samples))
}

/// Returns the run on the chip, and by output the error of the simulation, and that of two steps in each element.
fn run(
    quantized: &Quantized,
    export: &espq::export::Export,
    samples: &Drawn,
) -> espq::Result<(OnChip, Vec<(f64, f64)>)> {
    let original = Program::simulated(&quantized.plan().original, &quantized.plan().reference()?)?;
    let simulation = quantized.plan().simulation()?;
    let simulated = Program::simulated(&quantized.plan().graph, &simulation)?;
    let outputs = &quantized.plan().graph.outputs;
    let mut sums = vec![[Comparison::default(); 2]; outputs.len()];
    let steps: Vec<f32> = outputs.iter().map(|&output| step_of(quantized, &simulation, output)).collect();
    for sample in &samples.0 {
        let wanted = original.run(sample, &[], &mut |_, _| Ok(()))?;
        let found = simulated.run(sample, &[], &mut |_, _| Ok(()))?;
        for (((sums, found), wanted), step) in sums.iter_mut().zip(&found).zip(&wanted).zip(&steps) {
            sums[0].add(Comparison::of(found, wanted)?);
            // Places and truth values have no steps.
            let moved = wanted.slice::<f32>().map(|values| values.iter().map(|v| v + 2.0 * step).collect::<Vec<f32>>());
            let moved = moved.map(|values| Tensor::new(wanted.shape(), values)).transpose()?;
            sums[1].add(Comparison::of(moved.as_ref().unwrap_or(wanted), wanted)?);
        }
    }
    let ran = proof::run(&Subject {
        quantized,
        original: &original,
        simulation: &simulation,
        simulated: &simulated,
        export,
        samples,
        count: samples.len(),
        tick: &|| Ok(()),
    })?;
    let is_place = |id: &espq::graph::ValueId| quantized.plan().graph.value(*id).data_type != Some(DataType::F32);
    let allowed = outputs.iter().zip(&sums).map(|(output, [found, moved])| {
        (found.mean().nsr, if is_place(output) { f64::INFINITY } else { moved.mean().nsr })
    });
    Ok((ran, allowed.collect()))
}

/// Returns the largest step of the integers that an output depends on; 0 if there are none.
fn step_of(quantized: &Quantized, simulation: &espq::exec::Simulation, output: espq::graph::ValueId) -> f32 {
    let ancestors = quantized.plan().graph.ancestors(output);
    let before = simulation.iter().zip(ancestors).filter_map(|(node, is_before)| node.as_ref().filter(|_| is_before));
    let exponents =
        before.flat_map(|node| node.outputs.iter().flatten()).filter_map(|rounding| rounding.exponents.first());
    exponents.max().map_or(0.0, |&exponent| 2f32.powi(exponent))
}

/// Folder that keeps what came of each network.
struct Kept(std::path::PathBuf);

impl Kept {
    fn wanted() -> Option<Kept> {
        std::env::var_os("ESPQ_PROMISES_FILES").map(|folder| Kept(folder.into()))
    }

    fn file(&self, case: &Case, export: &espq::export::Export, sample: &[Tensor]) -> espq::Result<()> {
        let mut model = export.model.clone();
        if std::env::var_os("ESPQ_PROMISES_ALL").is_some() {
            let made: Vec<&String> = model.graph.nodes.iter().flat_map(|node| &node.outputs).collect();
            let values =
                model.graph.values.iter().filter(|value| made.contains(&&value.name) && !value.name.is_empty());
            model.graph.outputs = values.cloned().collect();
        }
        espq::runtime::run::fill_tests(&mut model, case.target, export.feed(sample)?)?;
        let folder = self.0.join(case.target.to_string());
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let bytes = espq::espdl::write(&model)?;
        std::fs::write(folder.join(format!("{:016x}.espdl", case.seed)), bytes).expect("a file can be written");
        Ok(())
    }

    /// Writes a file that is refused, for `espq inspect`.
    fn refused(&self, case: &Case, export: &espq::export::Export) {
        let folder = self.0.join("refused");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        // Of a file that cannot be written, the reason is enough.
        if let Ok(bytes) = espq::espdl::write(&export.model) {
            std::fs::write(folder.join(format!("{:016x}.espdl", case.seed)), bytes).expect("a file can be written");
        }
    }

    fn reason(&self, case: &Case, node: &str, what: &str) {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.0.join("reasons.txt"));
        let (target, scheme, seed) = (case.target, case.scheme, case.seed);
        let layers: Vec<String> = case.layers.iter().map(|l| format!("{} {} {} {}", l.op, l.a, l.b, l.back)).collect();
        let layers = format!(
            "{}; shape {} {:?} {:?} {:?}",
            layers.join(", "),
            case.shape,
            case.method,
            case.other,
            case.observed
        );
        let line =
            file.as_mut().map(|file| writeln!(file, "{target} {scheme:?} {seed:016x} {node}: {what} | {layers}"));
        line.expect("the folder exists").expect("a line can be written");
    }
}

/// An error of at most this share of the signal is no news: rounding that adds up from layer to layer.
const ROUNDING: f64 = 0.005;

fn check(case: &Case) -> Result<End, TestCaseError> {
    // What cannot be read or quantized is an error with a message, before any file is made.
    let kept = Kept::wanted();
    let refused = |node: &str, what: &str| kept.iter().for_each(|kept| kept.reason(case, node, what));
    let (quantized, samples) = match quantized(case) {
        Ok(quantized) => quantized,
        Err(error) => {
            refused(error.layer().unwrap_or_default(), &format!("not quantized: {}", error.what()));
            return Ok(End::NotQuantized);
        }
    };
    let finished = proof::finish(&quantized, case.runtime, NodeOrder::default())
        .map_err(|e| TestCaseError::fail(e.to_string()))?;
    let Some(export) = finished.export.as_ref().filter(|_| finished.incompatibilities.is_empty()) else {
        kept.iter().zip(&finished.export).for_each(|(kept, export)| kept.refused(case, export));
        for reason in &finished.incompatibilities {
            refused(&reason.node, &reason.what);
            prop_assert!(!reason.node.is_empty() && !reason.what.is_empty() && !reason.help.is_empty(), "{reason:?}");
        }
        prop_assert!(!finished.incompatibilities.is_empty());
        return Ok(End::Refused);
    };
    let (ran, simulated) = run(&quantized, export, &samples)
        .map_err(|e| TestCaseError::fail(format!("the simulation does not run: {e}")))?;
    let reasons = ran.reasons();
    reasons.iter().for_each(|reason| refused(&reason.node, &reason.what));
    kept.iter().filter(|_| !reasons.is_empty()).for_each(|kept| kept.refused(case, export));
    let OnChip::Ran(ran) = ran else { return Ok(End::Refused) };
    if !ran.differences.is_empty() {
        return Ok(End::Differs);
    }
    for (on_chip, &(simulated, two_steps)) in ran.outputs.iter().zip(&simulated) {
        prop_assert!(
            on_chip.nsr <= simulated * 1.5 + two_steps + ROUNDING || !simulated.is_finite(),
            "the chip's error is {}, the simulation's {simulated}, and that of two steps {two_steps}",
            on_chip.nsr
        );
    }
    if let Some(kept) = &kept {
        let sample = samples.sample(0).map_err(|e| TestCaseError::fail(e.to_string()))?;
        kept.file(case, export, &sample).map_err(|e| TestCaseError::fail(format!("no test values: {e}")))?;
    }
    Ok(End::Equal)
}

#[test]
fn no_network_fails_silently() {
    let count = std::env::var("ESPQ_PROMISES").ok().and_then(|count| count.parse().ok()).unwrap_or(500);
    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"espq: a promise for each network");
    let ends = std::cell::RefCell::new(std::collections::BTreeMap::new());
    let result = TestRunner::new_with_rng(config, rng).run(&cases(), |case| {
        let end = check(&case)?;
        *ends.borrow_mut().entry(end).or_insert(0) += 1;
        Ok(())
    });
    eprintln!("{:?}", ends.borrow());
    if let Err(error) = result {
        panic!("{error}");
    }
}
