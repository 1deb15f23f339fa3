//! Tests of passes that change constants: the original network stays the reference, and no stale result is used.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use espq::analysis::{Report, Seconds};
use espq::engine::{Cache, Engine, Options, Silent};
use espq::exec::{Program, Samples as _};
use espq::optimize;
use espq::project::Project;
use espq::quant::{self, Recipe, Settings};

const FIXTURES: [&str; 5] = ["digits", "mixed", "conv1d", "prelu", "attention"];

fn with(fixture: &str, optimize: &str) -> Project {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture).join("espq.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    Project::parse(file, format!("{text}\n[optimize]\n{optimize}"))
}

fn report(engine: &Arc<Engine>, project: &Project) -> Report {
    let report = engine.open(project.clone()).report(false, &Silent).unwrap();
    Report { seconds: Seconds::default(), ..report }
}

#[test]
fn figures_of_one_recipe_are_never_served_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let cached = || Engine::new(Options { activations: 64 << 20, cache: Cache::at(Some(folder.path())) });
    let fresh = || Engine::new(Options::default());
    let plain = with("digits", "held-out = 4");
    let passes = ["align = true", "equalize = true", "round = true", "correct = true"];
    let engine = cached();
    let before = report(&engine, &plain);
    for pass in passes {
        let changed = with("digits", &format!("held-out = 4\n{pass}"));
        let figures = report(&engine, &changed);
        assert_ne!(figures.outputs, before.outputs, "{pass} must change the figures");
        assert_eq!(figures, report(&fresh(), &changed), "{pass}, in a new engine");
        assert_eq!(figures, report(&cached(), &changed), "{pass}, from the cache");
    }
    assert_eq!(before, report(&engine, &plain), "unchanged project again");
    assert_eq!(before, report(&cached(), &plain), "unchanged project from the cache");
}

#[test]
fn passes_before_calibration_keep_the_function_of_the_float_network() {
    for fixture in FIXTURES {
        let opened = Engine::new(Options::default()).open(with(fixture, "held-out = 4"));
        let session = opened.session().unwrap();
        let settings = opened.project().config.settings().unwrap();
        for recipe in [Recipe { align: true, ..Recipe::default() }, Recipe { equalize: true, ..Recipe::default() }] {
            let settings = Settings { recipe, ..settings.clone() };
            let plan = quant::plan(&session.model.simplified.graph, &settings).unwrap();
            let plan = optimize::prepare(&plan, &session.calibration, &|| Ok(())).unwrap();
            let [original, equivalent] = [&plan.original, &plan.equivalent].map(|graph| Program::float(graph).unwrap());
            for sample in 0..session.calibration.len() {
                let inputs = session.calibration.sample(sample).unwrap();
                let run = |program: &Program| program.run(&inputs, &[], &mut |_, _| Ok(())).unwrap();
                for (a, b) in run(&original).iter().zip(run(&equivalent)) {
                    let (Some(a), Some(b)) = (a.slice::<f32>(), b.slice::<f32>()) else { continue };
                    let noise: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
                    let signal: f64 = a.iter().map(|a| f64::from(*a).powi(2)).sum();
                    assert!(noise <= 1e-9 * signal, "{fixture} {recipe:?} sample {sample}: {noise} of {signal}");
                }
            }
        }
    }
}

#[test]
fn rounded_weights_lie_on_the_grid_of_their_scale() {
    let opened = Engine::new(Options::default()).open(with("digits", "held-out = 4"));
    let session = opened.session().unwrap();
    let recipe = Recipe { round: true, ..Recipe::default() };
    let settings = Settings { recipe, ..opened.project().config.settings().unwrap() };
    let plan = quant::plan(&session.model.simplified.graph, &settings).unwrap();
    let quantized =
        optimize::quantize(&plan, &session.calibration, &mut quant::Observations::default(), &|| Ok(())).unwrap();
    assert!(!quantized.edited.is_empty());
    let simulation = quantized.simulation().unwrap();
    for &(node, port) in quantized.edited.keys() {
        let weights = quantized.graph.constant(quantized.graph.node(node), port).unwrap();
        let grid = simulation[node.0].as_ref().unwrap().inputs[port].as_ref().unwrap();
        assert_eq!(espq::exec::fake_quantize(weights.clone(), grid).unwrap(), *weights);
    }
}

#[test]
fn a_search_ends_with_the_figures_of_the_report() {
    let project = with("digits", "held-out = 4");
    let engine = Engine::new(Options::default());
    let found = engine.open(project.clone()).optimize(Duration::from_secs(600), &Silent).unwrap();
    assert!(found.after.nsr < found.before.nsr);
    assert_eq!(found.tried.iter().map(|t| t.figure.nsr).fold(f64::INFINITY, f64::min), found.after.nsr);
    let edit = found.edit.unwrap();
    let mut text = project.text.clone();
    text.replace_range(edit.span, &edit.text);
    let report = report(&engine, &Project::parse(&project.file, text));
    let outputs = report.outputs.iter().map(|o| o.before.as_ref().map_or(o.error.nsr, |before| before.error.nsr));
    let nsr = outputs.sum::<f64>() / report.outputs.len() as f64;
    assert!((nsr - found.after.nsr).abs() <= 1e-6 * nsr, "{nsr} and {}", found.after.nsr);
}

#[test]
fn a_search_without_time_measures_only_the_project() {
    let project = with("digits", "held-out = 4");
    let found = Engine::new(Options::default()).open(project).optimize(Duration::ZERO, &Silent).unwrap();
    assert_eq!((found.tried.len(), found.is_cut_short, found.edit), (1, true, None));
    assert_eq!(found.before, found.after);
}
