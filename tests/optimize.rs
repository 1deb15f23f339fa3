//! Tests of passes that change constants: the original network stays the reference, and no stale result is used.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use espq::analysis::{Report, Seconds};
use espq::engine::{Cache, Engine, Scope, Silent};
use espq::exec::{Program, Samples as _};
use espq::optimize;
use espq::project::{Key, Project, Stage, schema};
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
    let cached = || Engine::new(Cache::at(Some(folder.path())));
    let fresh = || Engine::new(None);
    let engine = cached();
    for pass in optimize::PASSES.iter().map(|pass| pass.name) {
        // Sums of digits are as wide as their inputs.
        let network = if pass == "widen" { "lint/E005/fires" } else { "digits" };
        let plain = with(network, "held-out = 4");
        let before = report(&engine, &plain);
        let changed = with(network, &format!("held-out = 4\n{pass} = true"));
        let figures = report(&engine, &changed);
        assert_ne!(figures.outputs, before.outputs, "{pass} must change the figures");
        assert_eq!(figures, report(&fresh(), &changed), "{pass}, in a new engine");
        assert_eq!(figures, report(&cached(), &changed), "{pass}, from the cache");
        assert_eq!(before, report(&engine, &plain), "unchanged project again");
        assert_eq!(before, report(&cached(), &plain), "unchanged project from the cache");
    }
}

#[test]
fn a_pass_is_a_key_that_takes_true() {
    let passes: BTreeSet<&str> = optimize::PASSES.iter().map(|pass| pass.name).collect();
    let keys =
        schema::values().into_iter().filter_map(|(path, key)| Some((path.strip_prefix("optimize.")?.to_string(), key)));
    let is_switch = |key: &Key| key.stage == Stage::Settings;
    let switches: BTreeSet<String> = keys.filter(|(_, key)| is_switch(key)).map(|(name, _)| name).collect();
    assert!(switches.iter().eq(&passes), "{switches:?}");
    for pass in passes {
        let recipe = |value| with("digits", &format!("{pass} = {value}")).config.settings().unwrap().recipe;
        assert_eq!((recipe(true), recipe(false)), (Recipe::of([pass]), Recipe::default()));
    }
}

#[test]
fn passes_before_calibration_keep_the_function_of_the_float_network() {
    for fixture in FIXTURES {
        let opened = Engine::new(None).open(with(fixture, "held-out = 4"));
        let session = opened.session().unwrap();
        let settings = opened.project().config.settings().unwrap();
        for recipe in ["align", "equalize"].map(|pass| Recipe::of([pass])) {
            let settings = Settings { recipe: recipe.clone(), ..settings.clone() };
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
    let opened = Engine::new(None).open(with("digits", "held-out = 4"));
    let session = opened.session().unwrap();
    let recipe = Recipe::of(["round"]);
    let settings = Settings { recipe, ..opened.project().config.settings().unwrap() };
    let plan = quant::plan(&session.model.simplified.graph, &settings).unwrap();
    let quantized =
        optimize::quantize(&plan, &session.calibration, &mut quant::Observations::default(), &|| Ok(())).unwrap();
    assert!(!quantized.plan().edited.is_empty());
    let simulation = quantized.plan().simulation().unwrap();
    for &(node, port) in quantized.plan().edited.keys() {
        let weights = quantized.plan().graph.constant(quantized.plan().graph.node(node), port).unwrap();
        let grid = simulation[node.0].as_ref().unwrap().inputs[port].as_ref().unwrap();
        assert_eq!(espq::exec::fake_quantize(weights.clone(), grid).unwrap(), *weights);
    }
}

#[test]
fn a_search_ends_with_the_figures_of_the_report() {
    let project = with("digits", "held-out = 4");
    let engine = Engine::new(None);
    let found = engine.open(project.clone()).optimize(Duration::from_secs(600), Scope::Passes, &Silent).unwrap();
    assert!(found.after.nsr < found.before.nsr);
    assert!(found.before.nsr - found.after.nsr > 0.0 && found.tried.iter().any(|tried| tried.figure == found.after));
    let edit = found.edit.clone().unwrap();
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
    let found = Engine::new(None).open(project).optimize(Duration::ZERO, Scope::Passes, &Silent).unwrap();
    assert_eq!((found.tried.len(), found.is_cut_short, &found.edit), (1, true, &None));
    assert_eq!(found.before, found.after);
}

#[test]
fn a_search_is_not_made_twice() {
    let folder = tempfile::tempdir().unwrap();
    let cached = || Engine::new(Cache::at(Some(folder.path())));
    let project = with("digits", "held-out = 4");
    let found = cached().open(project.clone()).optimize(Duration::from_secs(600), Scope::Passes, &Silent).unwrap();
    // Without time, only what is known can be answered in full.
    let stored = cached().open(project).optimize(Duration::ZERO, Scope::Passes, &Silent).unwrap();
    assert_eq!(stored, found);
}

/// A project of a fixture with lines of its own under `[calibration]`.
fn calibrated(fixture: &str, lines: &str) -> Project {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture).join("espq.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("[calibration]\n"));
    Project::parse(file, text.replace("[calibration]\n", &format!("[calibration]\n{lines}\n")))
}

#[test]
fn the_observer_that_is_chosen_has_the_figures_of_the_same_one_by_name() {
    let engine = Engine::new(None);
    for fixture in ["digits", "mixed"] {
        let auto = report(&engine, &calibrated(fixture, "method = \"auto\""));
        let observers = auto.observers.clone().unwrap();
        let best = observers.best;
        assert_ne!(best, observers.set, "{fixture}: another one than kl is better");
        assert_eq!(auto.settings.method, Some(best));
        for tried in &observers.tried {
            let method = format!("method = \"{}\"", tried.method);
            let fixed = report(&engine, &calibrated(fixture, &method));
            let nsr = fixed.outputs.iter().map(|o| o.decisive().mean).sum::<f64>() / fixed.outputs.len() as f64;
            assert!((nsr - tried.error.mean).abs() <= 1e-5 * nsr, "{fixture} {}: {nsr}", tried.method);
            if tried.method == best {
                assert_eq!((&fixed.outputs, &fixed.layers), (&auto.outputs, &auto.layers));
                assert!(fixed.observers.is_none_or(|observers| observers.better().is_none()), "{fixture}");
            }
        }
    }
}

#[test]
fn samples_of_analysis_leave_the_scales_alone_and_figures_are_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/digits/espq.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let other = folder.path().join("other.npy");
    let sample = {
        let opened = Engine::new(None).open(Project::parse(file.clone(), text.clone()));
        opened.session().unwrap().samples.sample(11).unwrap().remove(0)
    };
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {}, }}", tuple(sample.shape()));
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(sample.slice::<f32>().unwrap().iter().flat_map(|v| v.to_le_bytes()));
    std::fs::write(&other, bytes).unwrap();
    let own = Project::parse(file.clone(), format!("{text}\n[analysis]\ndata = {other:?}\n"));
    let engine = Engine::new(None);
    let (plain, own) = (report(&engine, &Project::parse(file, text)), report(&engine, &own));
    assert_eq!((own.analysis_samples, own.calibration_samples), (1, plain.calibration_samples));
    let exponents =
        |report: &Report| report.layers.iter().map(|l| (l.inputs.clone(), l.outputs.clone())).collect::<Vec<_>>();
    assert_eq!(exponents(&own), exponents(&plain));
    assert_ne!(own.outputs, plain.outputs);
}

fn tuple(shape: &[usize]) -> String {
    format!("({},)", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
}

#[test]
fn passes_and_recorded_scales_exclude_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/digits");
    let model = digits.join("model.onnx");
    let engine = Engine::new(None);
    let exported = engine.open(with("digits", "")).export(Default::default(), &Silent).unwrap();
    std::fs::write(folder.path().join("scales.json"), exported.quantization).unwrap();
    let text = |passes: &str| {
        format!(
            "[model]\npath = {model:?}\ntarget = \"esp32p4\"\nquantization = \"scales.json\"\n[calibration]\ndata = {:?}\n{passes}",
            digits.join("calib.npz")
        )
    };
    let project = |passes: &str| Project::parse(folder.path().join("espq.toml"), text(passes));
    assert!(engine.open(project("")).report(false, &Silent).is_ok());
    let error = engine.open(project("[optimize]\nround = true\n")).report(false, &Silent).unwrap_err();
    assert_eq!(error.key(), Some("optimize.round"), "{error}");
    let error = engine.open(project("")).optimize(Duration::ZERO, Scope::Passes, &Silent).unwrap_err();
    assert_eq!(error.key(), Some("model.quantization"), "{error}");
}

#[test]
fn the_observer_of_the_settings_as_they_are_is_that_of_the_project() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/digits/espq.toml");
    let text = "[model]\npath = 'model.onnx'\ntarget = 'esp32s3'\n[calibration]\ndata = 'calib.npz'\nmethod = 'auto'\n";
    let project = Project::parse(file, text);
    let engine = Engine::new(None);
    let chosen = report(&engine, &project).settings.method_of("");
    let found = engine.open(project).optimize(Duration::ZERO, Scope::Passes, &Silent).unwrap();
    assert_eq!(found.tried[0].method, Some(chosen));
}
