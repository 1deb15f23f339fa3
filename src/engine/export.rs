//! A project as the files that a chip and its tools load, checked before anything is written.

use std::path::{Path, PathBuf};

use crate::chip::{Runtime, Target};
use crate::espdl::{self, Key};
use crate::exec::Samples as _;
use crate::export::{self, Options};
use crate::graph::Tensor;
use crate::note::sentences;
use crate::project::Project;
use crate::quant::{self, Observations, Plan, Quantized};
use crate::runtime::fit::{Misfit, fit};
use crate::runtime::limits::{self, GraphNode, Violation};
use crate::runtime::run;
use crate::text::units::and_more;
use crate::{Error, Result};

use super::opened::Opened;
use super::{Progress, Stage};

/// What is wanted of an export, beside what the project says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// A sample and what the chip makes of it, in the file.
    pub test_values: bool,
    /// With a key that is made for this file.
    pub encrypt: bool,
}

/// Three files by their content, and what is to be said of them.
pub struct Exported {
    pub target: Target,
    pub runtime: Runtime,
    pub espdl: Vec<u8>,
    pub info: String,
    pub quantization: String,
    pub key: Option<Key>,
    /// Why the chip would not run it right; a reason to write nothing.
    pub misfits: Vec<Misfit>,
    /// Why there are no test values in it though they were wanted.
    pub untested: Option<Error>,
    /// What is done otherwise than esp-ppq does it.
    pub differences: Vec<String>,
    pub notes: Vec<String>,
}

impl Opened {
    /// The project's files, on what the engine knows: after a report nothing is calibrated again.
    pub fn export(&self, wanted: Wanted, progress: &dyn Progress) -> Result<Exported> {
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
        // As the chip will find it, places in the file included.
        let file = espdl::open(&plain, None)?;
        let mut misfits: Vec<Misfit> = file.entries.iter().flat_map(|entry| fit(entry, target, runtime)).collect();
        let unnamed = |form: &Misfit| !misfits.iter().any(|misfit| misfit.node == form.node);
        let forms: Vec<Misfit> = forms.into_iter().filter(unnamed).collect();
        misfits.extend(forms);
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
            misfits,
            untested: exported.untested,
            differences: exported.differences,
            notes,
        })
    }
}

impl Exported {
    /// Why it should not be written: what the chip would refuse, crash at or get wrong, or test values that are not known.
    pub fn refusal(&self) -> Option<Error> {
        if self.misfits.is_empty() {
            return self.untested.clone();
        }
        Some(refused(self.target, self.runtime, self.misfits.iter().map(reason).collect()))
    }

    /// The three files, all or none, in a folder or beside the model. Their paths, the `.espdl` first.
    pub fn write(&self, project: &Project, folder: Option<&Path>) -> Result<Vec<PathBuf>> {
        let model = project.model_path()?;
        let folder = match (folder, model.parent()) {
            (Some(folder), _) => folder,
            (None, Some(folder)) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let name = model.file_stem().map_or_else(|| "model".to_string(), |s| s.to_string_lossy().into_owned());
        std::fs::create_dir_all(folder)
            .map_err(|e| Error::new(format!("the folder cannot be made: {e}")).in_file(folder))?;
        let files = [
            (format!("{name}.espdl"), self.espdl.as_slice()),
            (format!("{name}.info"), self.info.as_bytes()),
            (format!("{name}.json"), self.quantization.as_bytes()),
        ];
        super::write_together(folder, &files)?;
        Ok(files.iter().map(|(file, _)| folder.join(file)).collect())
    }
}

/// Layers whose form ESP-DL does not run, by the same limits that lint checks.
fn unsupported_forms(plan: &Plan, runtime: Runtime) -> Vec<Misfit> {
    let (graph, family) = (&plan.graph, Some(plan.settings.target.family()));
    let view = |id| {
        let scheme = Some(plan.quant_type(id).scheme());
        GraphNode { scheme, family, runtime, ..GraphNode::of(graph, id) }
    };
    let misfit = |found: Violation| {
        let node = graph.node(found.node).name.clone();
        Misfit { node, what: found.what, help: found.limit.help }
    };
    limits::of_graph(graph, view).into_iter().map(misfit).collect()
}

/// All reasons where the exporter stops at the first: the forms, and its own unless it is about one of them.
fn stopped(forms: &[Misfit], error: &Error) -> Vec<String> {
    let is_named = forms.iter().any(|form| Some(form.node.as_str()) == error.layer());
    let own = (!is_named).then(|| error.to_string());
    forms.iter().map(reason).chain(own).collect()
}

fn refused(target: Target, runtime: Runtime, reasons: Vec<String>) -> Error {
    let many = if reasons.len() == 1 { "a reason".to_string() } else { format!("{} reasons", reasons.len()) };
    let lines: String = reasons.iter().map(|reason| format!("\n  {reason}")).collect();
    Error::new(format!(
        "nothing is written: {target} with ESP-DL {runtime} would not run this model right, for {many}:{lines}"
    ))
}

/// A misfit as a sentence.
pub fn reason(misfit: &Misfit) -> String {
    match misfit.node.as_str() {
        "" => format!("{}: {}", misfit.what, misfit.help),
        node => format!("{node}: {}; {}", misfit.what, misfit.help),
    }
}

/// Test values that follow a rule of espq's, as no chip computes them.
fn unproven(model: &espdl::Model) -> Option<String> {
    let layers = run::unproven(model);
    (!layers.is_empty()).then(|| {
        format!(
            "no kernel of ESP-DL {} stands behind the test values of {}: 8-bit weights by 16-bit inputs are \
             summed, rounded and cut as the 16-bit kernels do it",
            Runtime::KNOWN,
            and_more(&layers, 1)
        )
    })
}

struct Calibration {
    quantized: Quantized,
    sample: Option<Vec<Tensor>>,
    notes: Vec<String>,
}

impl Opened {
    /// By samples, or from a file that makes them needless.
    fn calibration(&self, wanted: Wanted, progress: &dyn Progress) -> Result<Calibration> {
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
                .with_help("name samples, too: data = \"calib/*.npy\" in [calibration]"));
        }
        let plan = Plan::clone(&*self.exact_plan()?);
        let quantized = quant::calibrate(plan, &NoSamples, &mut Observations::default(), &|| progress.tick())?;
        let notes = sentences(&[&self.model()?.simplified.notes[..], &quantized.notes].concat());
        Ok(Calibration { quantized, sample: None, notes })
    }

    /// Where the file comes from: what a person who finds it on a chip can check.
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
    getrandom::fill(&mut key).map_err(|e| Error::new(format!("the system gives no random numbers for a key: {e}")))?;
    Ok(key)
}
