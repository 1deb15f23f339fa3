//! A test of the promise: for random small networks, the file is refused with a reason, or the chip computes what the
//! report says, or the layer that differs is named.
//!
//! 500 networks by default; `ESPQ_PROMISES=10000 cargo test --test promise` tries as many as it says.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

mod network;

use espq::analysis::{Comparison, OnChip};
use espq::chip::{Method, Runtime, Scheme, Target};
use espq::exec::{Program, Samples};
use espq::graph::Tensor;
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
    /// Layers at another precision than the model's, by their place.
    other: Vec<usize>,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let target = prop::sample::select(vec![Target::Esp32p4, Target::Esp32s3, Target::Esp32c3]);
    let scheme = prop::sample::select(vec![Scheme::Int8, Scheme::Int8, Scheme::Int16]);
    let method = prop::sample::select(vec![Method::MinMax, Method::Kl, Method::Percentile, Method::Mse]);
    let layers = prop::collection::vec(network::layer(), 1..7);
    let other = prop::collection::vec(0usize..8, 0..2);
    (layers, 0usize..network::SHAPES.len(), target, scheme, method, other, any::<u64>()).prop_map(
        |(layers, shape, target, scheme, method, other, seed)| Case {
            layers,
            shape,
            target,
            scheme,
            method,
            other,
            seed,
        },
    )
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
    let another = if case.scheme == Scheme::Int8 { Scheme::Int16 } else { Scheme::Int8 };
    for &place in &case.other {
        if let Some(node) = simplified.nodes.get(place) {
            settings.layer_schemes.insert(node.name.clone(), another);
        }
    }
    let plan = quant::plan(&simplified, &settings)?;
    let quantized = quant::calibrate(plan, &samples, &mut Observations::default(), &|| Ok(()))?;
    Ok((quantized, samples))
}

/// Returns the run on the chip, and by output the error of the simulation.
fn run(quantized: &Quantized, export: &espq::export::Export, samples: &Drawn) -> espq::Result<(OnChip, Vec<f64>)> {
    let original = Program::simulated(&quantized.original, &quantized.reference()?)?;
    let simulation = quantized.simulation()?;
    let simulated = Program::simulated(&quantized.graph, &simulation)?;
    let mut sums = vec![Comparison::default(); quantized.graph.outputs.len()];
    for sample in &samples.0 {
        let wanted = original.run(sample, &[], &mut |_, _| Ok(()))?;
        let found = simulated.run(sample, &[], &mut |_, _| Ok(()))?;
        for ((sum, found), wanted) in sums.iter_mut().zip(&found).zip(&wanted) {
            sum.add(Comparison::of(found, wanted)?);
        }
    }
    let ran = proof::run(&Subject {
        graph: &quantized.graph,
        original: &original,
        simulation: &simulation,
        simulated: &simulated,
        export,
        target: quantized.settings.target,
        samples,
        count: samples.len(),
        tick: &|| Ok(()),
    })?;
    Ok((ran, sums.iter().map(|sum| sum.mean().nsr).collect()))
}

/// An error of at most this share of the signal is no news: rounding that adds up from layer to layer.
const ROUNDING: f64 = 0.005;

fn check(case: &Case) -> Result<End, TestCaseError> {
    // What cannot be read or quantized is an error with a message, before any file is made.
    let Ok((quantized, samples)) = quantized(case) else { return Ok(End::NotQuantized) };
    let finished = proof::finish(&quantized, Runtime::KNOWN).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let Some(export) = finished.export.as_ref().filter(|_| finished.incompatibilities.is_empty()) else {
        for reason in &finished.incompatibilities {
            prop_assert!(!reason.node.is_empty() && !reason.what.is_empty() && !reason.help.is_empty(), "{reason:?}");
        }
        prop_assert!(!finished.incompatibilities.is_empty());
        return Ok(End::Refused);
    };
    let (ran, simulated) = run(&quantized, export, &samples)
        .map_err(|e| TestCaseError::fail(format!("the simulation does not run: {e}")))?;
    let OnChip::Ran(ran) = ran else { return Ok(End::Refused) };
    if !ran.differences.is_empty() {
        return Ok(End::Differs);
    }
    for (on_chip, simulated) in ran.outputs.iter().zip(&simulated) {
        prop_assert!(
            on_chip.nsr <= simulated * 1.5 + ROUNDING || !simulated.is_finite(),
            "the chip's error is {}, the simulation's {simulated}",
            on_chip.nsr
        );
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
