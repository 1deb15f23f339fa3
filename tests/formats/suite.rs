//! Models of one format under `fixtures/`, each in a folder with its samples and the outputs of the program that made it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use espq::exec::{Program, Samples as _};
use espq::graph::{Graph, Tensor};
use espq::model::{self, Dialect, Imported, Shapes};
use espq::project::Project;
use espq::samples::{InputSpec, Samples};
use espq::simplify::simplify;
use prost::bytes::Bytes;

pub struct Suite {
    /// Folder in `fixtures/`, and ending of the models.
    pub format: &'static str,
    pub dialect: Dialect,
    /// Shape of the model whose sides are free.
    pub sides: [usize; 4],
}

impl Suite {
    pub fn folder(&self, case: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(self.format).join(case)
    }

    pub fn model(&self, case: &str) -> PathBuf {
        self.folder(case).join("model").with_extension(self.format)
    }

    /// Reads the model of a case, with the shapes that the test gives where they are free.
    pub fn read(&self, case: &str) -> Imported {
        let file = self.model(case);
        let mut imported = model::load(&file).unwrap();
        if !imported.is_fixed() {
            let name = imported.graph.value(imported.graph.inputs[0]).name.clone();
            let shapes: Shapes = [(name, self.sides.to_vec())].into();
            imported.fix(&shapes, "the test").unwrap();
            assert!(imported.is_outdated());
            imported = model::import_with(&file, &model::File::open(&file).unwrap(), &shapes).unwrap();
            imported.fix(&shapes, "the test").unwrap();
        }
        assert!(!imported.is_outdated() && imported.dialect == self.dialect);
        imported
    }

    fn first_sample(&self, case: &str, graph: &Graph) -> Vec<Tensor> {
        let format = self.format;
        let text = format!("[model]\npath = \"model.{format}\"\n[calibration]\ndata = \"calib.npz\"\nsamples = 1\n");
        let project = Project::parse(self.folder(case).join("espq.toml"), text);
        Samples::open(project.samples().unwrap(), &InputSpec::of(graph).unwrap()).unwrap().sample(0).unwrap()
    }

    /// Compares float outputs with those in `float.bin`, within 1e-5 of their range.
    pub fn outputs_agree(&self, case: &str) {
        let graph = simplify(self.read(case)).unwrap().graph;
        let program = Program::float(&graph).unwrap();
        let mask = vec![false; graph.values.len()];
        let outputs = program.run(&self.first_sample(case, &graph), &mask, &mut |_, _| Ok(())).unwrap();
        let found: Vec<f32> = outputs.iter().flat_map(|output| output.slice::<f32>().unwrap()).copied().collect();
        let bytes = std::fs::read(self.folder(case).join("float.bin")).unwrap();
        let expected: Vec<f32> = bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        assert_eq!(found.len(), expected.len(), "{case}");
        let range = expected.iter().fold(f32::NEG_INFINITY, |m, &v| m.max(v))
            - expected.iter().fold(f32::INFINITY, |m, &v| m.min(v));
        let off = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(range > 0.0 && off <= 1e-5 * range, "{case}: off by {off} of {range}");
    }

    /// Lints a case, and exports it with test values.
    pub fn is_linted_and_written(&self, case: &str) {
        let folder = self.folder(case);
        let folder = folder.to_str().unwrap();
        let linted = espq(&["lint", "--no-cache", "--ignore", "E,S002", folder]);
        assert!(linted.status.success(), "{case}: {}", text(&linted.stdout));
        let out = tempfile::tempdir().unwrap();
        let written = espq(&["export", "--no-cache", "--test-values", folder, "-o", out.path().to_str().unwrap()]);
        assert!(written.status.success(), "{case}: {}", text(&written.stderr));
    }

    /// Returns what `espq report` says of a case: its errors, and its report.
    pub fn reported(&self, case: &str) -> [String; 2] {
        let reported = espq(&["report", "--no-cache", self.folder(case).to_str().unwrap()]);
        [text(&reported.stderr), text(&reported.stdout)]
    }

    /// Lints a case that cannot run, which is a finding.
    pub fn is_a_finding(&self, case: &str) {
        let linted = espq(&["lint", "--no-cache", "--format", "concise", self.folder(case).to_str().unwrap()]);
        assert_eq!(linted.status.code(), Some(1), "{case}");
    }

    /// Refuses a model that is cut anywhere, and a file of text with `what` and a help.
    pub fn damaged_files_are_refused(&self, case: &str, what: &str) {
        let whole = std::fs::read(self.model(case)).unwrap();
        let path = Path::new("net").with_extension(self.format);
        for length in (0..whole.len()).step_by(211) {
            let cut = model::import(&path, &Bytes::copy_from_slice(&whole[..length]).into());
            assert!(cut.is_err(), "{length} bytes");
        }
        let error = model::import(&path, &Bytes::from_static(b"text, no model").into()).unwrap_err();
        assert!(error.what().contains(what) && error.help().is_some(), "{error}");
    }
}

pub fn espq(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_espq")).args(arguments).env("NO_COLOR", "1").output().unwrap()
}

/// Returns output in one line, without the frame.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}
