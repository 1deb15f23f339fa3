//! Export of a project: the files for the chip and its tools, checked before they are written.

use std::path::{Path, PathBuf};

use crate::chip::{Runtime, Target};
use crate::espdl::{self, Key};
use crate::exec::Samples as _;
use crate::export::{self, Options};
use crate::graph::Tensor;
use crate::note::sentences;
use crate::project::Project;
use crate::quant::{self, Observations, Plan, Quantized};
use crate::runtime::compatibility::{self, Incompatibility};
use crate::runtime::limits::{self, GraphNode, Violation};
use crate::runtime::run;
use crate::text::units::{and_more, count};
use crate::{Error, Result};

use super::opened::Opened;
use super::{Progress, Stage};

/// Options of an export, besides the project's.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExportOptions {
    /// Include a sample and the chip's outputs for it.
    pub test_values: bool,
    /// Encrypt with a new key.
    pub encrypt: bool,
}

/// Contents of the three files, and notes on them.
pub struct Exported {
    pub target: Target,
    pub runtime: Runtime,
    pub espdl: Vec<u8>,
    pub info: String,
    pub quantization: String,
    pub key: Option<Key>,
    /// Reasons why the chip does not run the model correctly, for which the export is refused.
    pub incompatibilities: Vec<Incompatibility>,
    /// Reason why there are no test values although they were requested.
    pub untested: Option<Error>,
    /// Differences from esp-ppq.
    pub differences: Vec<String>,
    pub notes: Vec<String>,
}

impl Opened {
    /// Exports the project, reusing cached results: after a report, no calibration is repeated.
    pub fn export(&self, wanted: ExportOptions, progress: &dyn Progress) -> Result<Exported> {
        let Calibration { quantized, sample, mut notes } = self.calibration(wanted, progress)?;
        let target = quantized.settings.target;
        let runtime = self.project().config.export.esp_dl();
        let metadata = self.metadata(target)?;
        let forms = unsupported_forms(&quantized, runtime);
        let exported = match export::export(&quantized, &Options { runtime, metadata, sample }) {
            Ok(exported) => exported,
            Err(error) if forms.is_empty() => return Err(error),
            Err(error) => return Err(refused(target, runtime, stopped(&forms, &error))),
        };
        let key = wanted.encrypt.then(new_key).transpose()?;
        let plain = espdl::write(&exported.model)?;
        // The file is decoded again, so that the checks see it as the chip does, including positions in the file.
        let file = espdl::open(&plain, None)?;
        let mut incompatibilities: Vec<Incompatibility> =
            file.entries.iter().flat_map(|entry| compatibility::check(entry, target, runtime)).collect();
        let unnamed =
            |form: &Incompatibility| !incompatibilities.iter().any(|incompatibility| incompatibility.node == form.node);
        let forms: Vec<Incompatibility> = forms.into_iter().filter(unnamed).collect();
        incompatibilities.extend(forms);
        if !exported.model.graph.test_outputs.is_empty() {
            notes.extend(unproven(&exported.model));
        }
        Ok(Exported {
            target,
            runtime,
            info: espdl::info::info(&exported.model)?,
            espdl: match &key {
                Some(key) => espdl::write_encrypted(&exported.model, key)?,
                None => plain,
            },
            quantization: exported.quantization,
            key,
            incompatibilities,
            untested: exported.untested,
            differences: exported.differences,
            notes,
        })
    }
}

impl Exported {
    /// Fails if the export is refused: for incompatibilities with the chip, or unknown test values.
    pub fn check(&self) -> Result<()> {
        if self.incompatibilities.is_empty() {
            return self.untested.clone().map_or(Ok(()), Err);
        }
        Err(refused(self.target, self.runtime, self.incompatibilities.iter().map(ToString::to_string).collect()))
    }

    /// Writes all three files, or none, into a folder or beside the model. Returns their paths, the `.espdl` first.
    pub fn write(&self, project: &Project, folder: Option<&Path>) -> Result<Vec<PathBuf>> {
        let model = project.model_path()?;
        let folder = match (folder, model.parent()) {
            (Some(folder), _) => folder,
            (None, Some(folder)) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let name = model.file_stem().map_or_else(|| "model".to_string(), |s| s.to_string_lossy().into_owned());
        std::fs::create_dir_all(folder)
            .map_err(|e| Error::new(format!("the folder cannot be created: {e}")).in_file(folder))?;
        let files = [
            (format!("{name}.espdl"), self.espdl.as_slice()),
            (format!("{name}.info"), self.info.as_bytes()),
            (format!("{name}.json"), self.quantization.as_bytes()),
        ];
        super::write_all_or_none(folder, &files)?;
        Ok(files.iter().map(|(file, _)| folder.join(file)).collect())
    }
}

/// Returns layers whose form ESP-DL does not support, by the limits that lint checks.
fn unsupported_forms(plan: &Plan, runtime: Runtime) -> Vec<Incompatibility> {
    let (graph, family) = (&plan.graph, Some(plan.settings.target.family()));
    let view = |id| {
        let scheme = Some(plan.quant_type(id).scheme());
        GraphNode { scheme, family, runtime, ..GraphNode::of(graph, id) }
    };
    let incompatibility = |found: Violation| {
        let node = graph.node(found.node).name.clone();
        Incompatibility { node, what: found.what, help: found.limit.help }
    };
    limits::of_graph(graph, view).into_iter().map(incompatibility).collect()
}

/// Returns all reasons if the exporter stops at the first one: the forms, and the exporter's own unless it is about one
/// of them.
fn stopped(forms: &[Incompatibility], error: &Error) -> Vec<String> {
    let is_named = forms.iter().any(|form| Some(form.node.as_str()) == error.layer());
    let own = (!is_named).then(|| error.to_string());
    forms.iter().map(ToString::to_string).chain(own).collect()
}

fn refused(target: Target, runtime: Runtime, reasons: Vec<String>) -> Error {
    let lines: String = reasons.iter().map(|reason| format!("\n  {reason}")).collect();
    let problems = count(reasons.len(), "problem");
    Error::new(format!("export refused: {problems} with ESP-DL {runtime} on {target}:{lines}"))
}

/// Returns a note on test values for which no chip has a kernel.
fn unproven(model: &espdl::Model) -> Option<String> {
    let layers = run::unproven(model);
    (!layers.is_empty()).then(|| {
        format!(
            "{}: ESP-DL {} has no W8A16 kernel; the test values assume the 16-bit kernel's accumulation and rounding",
            and_more(&layers, 1),
            Runtime::KNOWN
        )
    })
}

struct Calibration {
    quantized: Quantized,
    sample: Option<Vec<Tensor>>,
    notes: Vec<String>,
}

impl Opened {
    /// Calibrates with samples, or with scales from a file.
    fn calibration(&self, wanted: ExportOptions, progress: &dyn Progress) -> Result<Calibration> {
        let config = &self.project().config;
        progress.begin(Stage::Load, 1);
        if config.calibration.data.is_some() || config.model.quantization.is_none() {
            let session = self.session()?;
            self.exact_plan()?;
            progress.tick()?;
            let quantized = self.calibrated(progress)?.quantized.clone();
            let sample = wanted.test_values.then(|| session.samples.sample(0)).transpose()?;
            let notes = sentences(&session.notes(&quantized));
            return Ok(Calibration { quantized, sample, notes });
        }
        if wanted.test_values {
            return Err(Error::new("test values need a sample")
                .at_key("model.quantization")
                .with_help("set samples, too: data = \"calib/*.npy\" in [calibration]"));
        }
        let plan = Plan::clone(&*self.exact_plan()?);
        let quantized = quant::calibrate(plan, &NoSamples, &mut Observations::default(), &|| progress.tick())?;
        let notes = sentences(&[&self.model()?.simplified.notes[..], &quantized.notes].concat());
        Ok(Calibration { quantized, sample: None, notes })
    }

    /// Returns the origin of the file, which can be checked for a file found on a chip.
    fn metadata(&self, target: Target) -> Result<Vec<(String, String)>> {
        let model = self.contents.model.as_ref().map_err(Clone::clone)?;
        let pair = |key: &str, value: String| (key.to_string(), value);
        Ok(vec![
            pair("espq", env!("CARGO_PKG_VERSION").to_string()),
            pair("target", target.to_string()),
            pair("model.blake3", model.digest.clone()),
            pair("configuration.blake3", blake3::hash(self.project().text.as_bytes()).to_string()),
        ])
    }
}

struct NoSamples;

impl crate::exec::Samples for NoSamples {
    fn len(&self) -> usize {
        0
    }

    fn sample(&self, index: usize) -> Result<Vec<Tensor>> {
        Err(Error::new(format!("there is no sample {index}")))
    }
}

fn new_key() -> Result<Key> {
    let mut key = Key::default();
    getrandom::fill(&mut key)
        .map_err(|e| Error::new(format!("the system provides no random numbers for a key: {e}")))?;
    Ok(key)
}
