//! Tests of the engine's caches: after any edit, figures must equal those of a new engine.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // Tests fail by a panic.

use std::path::Path;
use std::sync::Arc;

use espq::analysis::{Report, Seconds};
use espq::chip::Scheme;
use espq::engine::{Cache, Engine, LintDepth, OnlyKnown, Progress, Silent, Stage, Watch};
use espq::lint::{Finding, FixKind, Measure};
use espq::project::{Project, edit};

fn project(fixture: &str) -> Project {
    Project::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture)).unwrap()
}

fn with(project: &Project, layer: &str, scheme: Scheme) -> Project {
    let edit = edit::set_precision(project, &[(layer, scheme)]).unwrap();
    let mut text = project.text.clone();
    text.replace_range(edit.span, &edit.text);
    Project::parse(&project.file, text)
}

fn figures(engine: &Arc<Engine>, project: &Project) -> Report {
    let report = engine.open(project.clone()).report(false, &Silent).unwrap();
    Report { seconds: Seconds::default(), observers: None, ..report }
}

#[test]
fn figures_after_an_edit_equal_those_of_a_new_engine() {
    for fixture in ["digits", "mixed", "lstm"] {
        let opened = project(fixture);
        let engine = Engine::new(None);
        let report = figures(&engine, &opened);
        let layers: Vec<&str> = report.layers.iter().filter(|l| l.layerwise.is_some()).map(|l| &*l.name).collect();
        for layer in [layers[0], layers[layers.len() / 2], layers[layers.len() - 1]] {
            let edited = with(&opened, layer, Scheme::Int16);
            let fresh = Engine::new(None);
            assert_eq!(figures(&engine, &edited), figures(&fresh, &edited), "{fixture}, {layer}");
        }
        assert_eq!(figures(&engine, &opened), report, "{fixture}, back again");
    }
}

#[test]
fn another_process_reuses_the_cached_results() {
    let folder = tempfile::tempdir().unwrap();
    let cached = || Engine::new(Cache::at(Some(folder.path())));
    let opened = project("digits");
    let report = figures(&cached(), &opened);
    assert_eq!(figures(&cached(), &opened), report);
    let edited = with(&opened, "/down/down.0/Conv", Scheme::Int16);
    assert_eq!(figures(&cached(), &edited), figures(&Engine::new(None), &edited));
}

#[test]
fn the_newest_request_wins() {
    let engine = Engine::new(None);
    let opened = project("digits");
    let older = engine.supersede(&opened.file);
    let newer = engine.supersede(&opened.file);
    let outdated = engine.open(opened.clone()).lint(LintDepth::Measured, &Watch { token: &older, progress: &Silent });
    assert!(outdated.unwrap_err().is_cancelled());
    assert!(engine.open(opened.clone()).lint(LintDepth::Measured, &Watch { token: &newer, progress: &Silent }).is_ok());
}

#[derive(Default)]
struct Stages(std::sync::Mutex<Vec<(Stage, usize)>>);

impl Progress for Stages {
    fn begin(&self, stage: Stage, total: usize) {
        self.0.lock().unwrap().push((stage, total));
    }
    fn tick(&self) -> espq::Result<()> {
        Ok(())
    }
}

#[test]
fn one_layers_edit_runs_that_layers_figures_only() {
    let engine = Engine::new(None);
    let opened = project("digits");
    figures(&engine, &opened);
    let stages = Stages::default();
    engine.open(with(&opened, "/classifier/Gemm", Scheme::Int16)).report(false, &stages).unwrap();
    let layerwise = stages.0.into_inner().unwrap().into_iter().find(|(stage, _)| *stage == Stage::Layerwise);
    // Expected: 9 samples of one layer.
    assert_eq!(layerwise, Some((Stage::Layerwise, 9)));
}

#[test]
fn first_figures_estimate_the_layers_and_findings_are_those_of_the_whole_table() {
    for fixture in ["digits", "mixed"] {
        let opened = project(fixture);
        let first = Engine::new(None).open(opened.clone()).estimated(&Silent).unwrap().unwrap();
        let whole = Engine::new(None).open(opened.clone()).measured(&Silent).unwrap();
        let layers = |report: &Report| -> Vec<String> {
            report.layers.iter().filter(|layer| layer.alone().is_some()).map(|layer| layer.name.clone()).collect()
        };
        assert_eq!(layers(&first), layers(&whole), "{fixture}");
        assert_eq!(first.outputs, whole.outputs, "{fixture}");
        for (estimated, measured) in first.layers.iter().zip(&whole.layers) {
            let (Some(estimate), Some(measured)) = (estimated.estimate, measured.layerwise) else { continue };
            let factor = measured.nsr / estimate;
            assert!((0.02..50.0).contains(&factor), "{fixture}, {}: {factor}", estimated.name);
        }

        let engine = Engine::new(None);
        let findings = engine.open(opened.clone()).lint(LintDepth::Measured, &Silent).unwrap();
        let engine = Engine::new(None);
        engine.open(opened.clone()).measured(&Silent).unwrap();
        assert_eq!(findings, engine.open(opened).lint(LintDepth::Measured, &Silent).unwrap(), "{fixture}");
    }
}

#[test]
fn a_search_leaves_sets_with_more_flash_and_less_error() {
    let opened = project("digits");
    let strict = Project::parse(&opened.file, format!("{}\n[limits]\noutput-nsr = \"0.001%\"\n", opened.text));
    let opened = Engine::new(None).open(strict);
    opened.lint(LintDepth::Search, &Silent).unwrap();
    let trials = opened.known_trials().unwrap();
    let ends: Vec<(i64, f64)> = trials.trade_offs.iter().map(|trial| (trial.flash, trial.after)).collect();
    assert!(ends.len() > 1, "{ends:?}");
    assert!(ends.is_sorted_by(|a, b| a.0 < b.0 && a.1 > b.1), "{ends:?}");
}

#[test]
fn the_table_grows_until_every_layer_is_measured() {
    let opened = Engine::new(None).open(project("digits"));
    let mut left = Vec::new();
    let count = |report: &Report| report.layers.iter().filter(|layer| layer.estimate.is_some()).count();
    let whole = opened.completed(&Silent, &mut |report| left.push(count(&report))).unwrap();
    assert_eq!(count(&whole), 0);
    assert!(left.is_sorted_by(|a, b| a > b), "{left:?}");
}

/// Published figures after an edit.
fn expected(engine: &Arc<Engine>, project: &Project, progress: &dyn Progress) -> Vec<(Vec<Finding>, Report)> {
    let mut published = Vec::new();
    let is_expected = engine.open(project.clone()).expected(progress, &mut |findings, report| {
        published.push((findings, report));
        Ok(())
    });
    assert_eq!(is_expected.unwrap(), !published.is_empty());
    published
}

#[test]
fn figures_of_all_samples_after_those_of_the_first_equal_those_of_a_new_engine() {
    for fixture in ["digits", "mixed", "lstm"] {
        let (engine, opened) = (Engine::new(None), project(fixture));
        let report = figures(&engine, &opened);
        let layer = report.layers.iter().find(|l| l.layerwise.is_some() && l.scheme == Scheme::Int8);
        let Some(layer) = layer else { continue };
        let edited = with(&opened, &layer.name, Scheme::Int16);
        let first = Project::parse(&edited.file, format!("{}\n[analysis]\nsamples = 2\n", edited.text));
        for edited in [first, edited] {
            assert_eq!(figures(&engine, &edited), figures(&Engine::new(None), &edited), "{fixture}, {}", layer.name);
        }
    }
}

#[test]
fn expected_figures_after_an_edit_need_no_calibration() {
    let folder = tempfile::tempdir().unwrap();
    for fixture in ["digits", "mixed", "lstm"] {
        let opened = project(fixture);
        let cache = Cache::at(Some(folder.path()));
        let engine = Engine::new(cache.clone());
        assert_eq!(expected(&engine, &opened, &Silent), [], "{fixture}: no observations yet");
        let report = figures(&engine, &opened);
        let layer = report.layers.iter().find(|l| l.layerwise.is_some() && l.scheme == Scheme::Int8);
        let Some(layer) = layer else { continue };
        let edited = with(&opened, &layer.name, Scheme::Int16);
        // Both in the process that measured before the edit, and in one that reads its results from disk.
        for engine in [engine, Engine::new(cache)] {
            let stages = Stages::default();
            let found = expected(&engine, &edited, &stages);
            let [(findings, report)] = <[_; 1]>::try_from(found).unwrap();
            let begun: Vec<Stage> = stages.0.into_inner().unwrap().into_iter().map(|(stage, _)| stage).collect();
            assert_eq!(begun, [Stage::Graphwise, Stage::Layerwise], "{fixture}");
            let exact = Engine::new(None);
            // What the chip makes of the file is measured after the figures.
            let measured = Report { on_chip: None, ..figures(&exact, &edited) };
            assert_eq!(Report { seconds: Seconds::default(), ..report }, measured, "{fixture}");
            assert_eq!(findings, exact.open(edited.clone()).lint(LintDepth::Measured, &Silent).unwrap(), "{fixture}");
        }
    }
}

#[test]
fn activations_are_kept_of_one_model_at_a_time() {
    let engine = Engine::new(None);
    let (digits, mixed) = (project("digits"), project("mixed"));
    figures(&engine, &digits);
    let session = engine.open(digits).session().unwrap();
    assert!(session.activations() > 0);
    figures(&engine, &mixed);
    assert_eq!(session.activations(), 0);
    assert!(engine.open(mixed).session().unwrap().activations() > 0);
}

/// Project digits with one layer over its limit and an output over its own.
fn over_limits() -> Project {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/digits/espq.toml");
    let text = "[model]\npath = \"model.onnx\"\ntarget = \"esp32s3\"\n[calibration]\ndata = \"calib.npz\"\n\
                [limits]\nlayer-nsr = \"3%\"\noutput-nsr = \"1%\"\n";
    Project::parse(file, text)
}

fn finding<'a>(findings: &'a [Finding], code: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("no {code} in {findings:?}"))
}

#[test]
fn a_finding_is_pending_until_it_is_measured() {
    let opened = Engine::new(None).open(over_limits());
    let measured = opened.lint(LintDepth::Measured, &Silent).unwrap();
    for (code, depth) in [("E002", LintDepth::Fixes), ("E001", LintDepth::Search)] {
        let waiting = finding(&measured, code);
        let measure = waiting.pending.as_ref().unwrap_or_else(|| panic!("{code} is not pending"));
        assert_eq!(waiting.fixes, [], "{code}");
        let fix = opened.resolve(measure, &Silent).unwrap();
        let deeper = opened.lint(depth, &Silent).unwrap();
        let finding = finding(&deeper, code);
        // Behind what costs no flash.
        let found = finding.fixes.iter().find(|fix| fix.kind == FixKind::Precision(measure.clone()));
        assert_eq!((found.cloned(), &finding.pending), (fix.ok(), &None), "{code}");
    }
}

#[test]
fn a_joint_is_pending_until_int16_is_measured() {
    let opened = Engine::new(None).open(project("lint/E010/inside"));
    let waiting = opened.lint(LintDepth::Measured, &Silent).unwrap();
    let waiting = finding(&waiting, "E010");
    let measure = waiting.pending.as_ref().unwrap();
    assert_eq!((measure, &waiting.fixes), (&Measure::Joint { name: "/joined/Concat".into() }, &Vec::new()));
    let fix = opened.resolve(measure, &Silent).unwrap();
    let deeper = opened.lint(LintDepth::Fixes, &Silent).unwrap();
    let deeper = finding(&deeper, "E010");
    assert_eq!((&deeper.fixes, &deeper.pending), (&vec![fix.unwrap()], &None));
}

#[test]
fn without_measurements_only_cached_results_are_returned() {
    let opened = Engine::new(None).open(over_limits());
    let measured = opened.lint(LintDepth::Measured, &Silent).unwrap();
    let measure = finding(&measured, "E002").pending.clone().unwrap();
    assert!(opened.resolve(&measure, &OnlyKnown).unwrap_err().is_cancelled());
    let fix = opened.resolve(&measure, &Silent).unwrap();
    assert_eq!(opened.resolve(&measure, &OnlyKnown).unwrap(), fix);
}
