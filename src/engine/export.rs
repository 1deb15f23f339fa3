//! Export of a project: the files for the chip and its tools, checked and run before they are written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::analysis::OnChip;
use crate::chip::{Incompatibility, Runtime, Target};
use crate::espdl::{self, Key, Model};
use crate::exec::Samples as _;
use crate::file;
use crate::graph::Tensor;
use crate::note::sentences;
use crate::project::Project;
use crate::proof::Finished;
use crate::quant::{self, Observations, Plan};
use crate::runtime::run;
use crate::text::units::{and_more, count};
use crate::text::visible;
use crate::{Error, Result};

use super::opened::Opened;
use super::{Progress, Stage, exported};

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
    /// Chip whose kernels the file is packed for.
    pub target: Target,
    /// Release of ESP-DL that the file is checked against.
    pub runtime: Runtime,
    /// The `.espdl` file: the bytes that the chip loads, encrypted if there is a key.
    pub espdl: Vec<u8>,
    /// The `.info` file: the model as text, in esp-ppq's format.
    pub info: String,
    /// The `.json` file: configurations of all ports and their sharing of scales, in esp-ppq's format.
    pub quantization: String,
    /// New key of the encrypted file; `None` if it is not encrypted.
    pub key: Option<Key>,
    /// Reasons why the chip does not run the model correctly, for which the export is refused.
    pub incompatibilities: Vec<Incompatibility>,
    /// Reason why there are no test values although they were requested.
    pub untested: Option<Error>,
    /// Outputs over their limit, one sentence each: the verdict of report and lint.
    pub over_limit: Vec<String>,
    /// Differences from esp-ppq.
    pub differences: Vec<String>,
    /// Changes of the model and other facts for the user, one sentence each.
    pub notes: Vec<String>,
}

impl Opened {
    /// Exports the project, reusing cached results: after a report, nothing is calibrated or run again.
    pub fn export(&self, wanted: ExportOptions, progress: &dyn Progress) -> Result<Exported> {
        let Source { target, finished, on_chip, sample, over_limit, mut notes } = self.source(wanted, progress)?;
        let runtime = self.project().config.export.esp_dl();
        let Some(export) = &finished.export else {
            return Err(refused(target, runtime, finished.incompatibilities.iter().map(ToString::to_string).collect()));
        };
        let mut model = Model { metadata: self.metadata(target)?, ..export.model.clone() };
        let test = |sample: &Vec<Tensor>| run::fill_tests(&mut model, target, export.feed(sample)?);
        let untested = sample.as_ref().map(test).and_then(Result::err);
        if !model.graph.test_outputs.is_empty() {
            notes.extend(unproven(&model));
        }
        let reasons = on_chip.as_deref().map(OnChip::reasons).unwrap_or_default();
        let key = wanted.encrypt.then(new_key).transpose()?;
        Ok(Exported {
            target,
            runtime,
            info: espdl::info::info(&model)?,
            espdl: match &key {
                Some(key) => espdl::write_encrypted(&model, key)?,
                None => espdl::write(&model)?,
            },
            quantization: export.quantization.clone(),
            key,
            incompatibilities: finished.incompatibilities.iter().cloned().chain(reasons).collect(),
            untested,
            over_limit,
            differences: export.differences.clone(),
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
        let name = project.export_name()?;
        let folder = &folder.map_or_else(|| project.export_folder(), |folder| Ok(folder.to_path_buf()))?;
        std::fs::create_dir_all(folder)
            .map_err(|e| Error::new(format!("the folder cannot be created: {e}")).in_file(folder))?;
        let files = [
            (format!("{name}.espdl"), self.espdl.as_slice()),
            (format!("{name}.info"), self.info.as_bytes()),
            (format!("{name}.json"), self.quantization.as_bytes()),
        ];
        file::write_all_or_none(folder, &files)?;
        Ok(files.iter().map(|(file, _)| folder.join(file)).collect())
    }
}

fn refused(target: Target, runtime: Runtime, reasons: Vec<String>) -> Error {
    let lines: String = reasons.iter().map(|reason| format!("\n  {}", visible(reason))).collect();
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

/// Parts of a file, before metadata and test values.
struct Source {
    target: Target,
    finished: Arc<Finished>,
    /// `None` where there are no samples to run the file over.
    on_chip: Option<Arc<OnChip>>,
    sample: Option<Vec<Tensor>>,
    over_limit: Vec<String>,
    notes: Vec<String>,
}

impl Opened {
    /// Calibrates with samples, or with scales from a file.
    fn source(&self, wanted: ExportOptions, progress: &dyn Progress) -> Result<Source> {
        let config = &self.project().config;
        progress.begin(Stage::Load, 1);
        if config.calibration.data.is_some() || config.model.quantization.is_none() {
            let session = self.session()?;
            self.exact_plan()?;
            progress.tick()?;
            let calibrated = self.calibrated(progress)?;
            let quantized = &calibrated.quantized;
            let finished = self.finished(progress)?;
            let on_chip = if finished.incompatibilities.is_empty() { Some(self.proved(progress)?) } else { None };
            let sample = wanted.test_values.then(|| session.samples.sample(0)).transpose()?;
            let notes = sentences(&session.notes(quantized));
            let target = quantized.plan().settings.target;
            let limit = config.output_limit();
            let over_limit = match finished.export {
                Some(_) => self.output_errors(progress)?.iter().filter_map(|output| output.excess(limit)).collect(),
                None => Vec::new(),
            };
            return Ok(Source { target, finished, on_chip, sample, over_limit, notes });
        }
        if wanted.test_values {
            return Err(Error::new("test values need a sample")
                .at_key("model.quantization")
                .with_help("set samples, too: data = \"calib/*.npy\" in [calibration]"));
        }
        let plan = Plan::clone(&*self.exact_plan()?);
        let quantized = quant::calibrate(plan, &NoSamples, &mut Observations::default(), &|| progress.tick())?;
        let finished = Arc::new(self.finish(&quantized)?);
        let mut notes = sentences(&[&self.model()?.simplified.notes[..], &quantized.plan().notes].concat());
        notes.push(
            "the file was not run before it was written: that needs samples, `data` in [calibration]".to_string(),
        );
        let target = quantized.plan().settings.target;
        Ok(Source { target, finished, on_chip: None, sample: None, over_limit: Vec::new(), notes })
    }

    /// Returns the origin of the file, which can be checked for a file found on a chip.
    pub(super) fn metadata(&self, target: Target) -> Result<Vec<(String, String)>> {
        let model = self.contents.model.as_ref().map_err(Clone::clone)?;
        let pair = |key: &str, value: String| (key.to_string(), value);
        Ok(vec![
            pair("espq", env!("CARGO_PKG_VERSION").to_string()),
            pair(exported::TARGET, target.to_string()),
            pair(exported::MODEL, model.digest.clone()),
            pair(exported::INPUTS, self.inputs_key().hex()),
            pair(exported::CONFIGURATION, blake3::hash(self.project().text.as_bytes()).to_string()),
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
