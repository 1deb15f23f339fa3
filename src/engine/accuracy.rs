//! Accuracy on labelled samples: the outputs in float, simulated and on the chip, compared with labels.

use std::sync::Arc;

use crate::analysis::{self, Accuracy, Judged, Label, Results};
use crate::exec::{Program, Samples as _};
use crate::graph::Tensor;
use crate::note::Note;
use crate::parallel;
use crate::proof::OnSamples;
use crate::samples::{Labels, Samples};
use crate::text::{list, nearest};
use crate::{Error, Result};

use super::content::{Key, KeyBuilder};
use super::opened::Opened;
use super::{Progress, Stage};

/// Samples of `[accuracy]`.
pub struct Labelled {
    /// Samples at the inputs of the network.
    pub(super) samples: Arc<Samples>,
    /// Labels of all samples; `None` if a program judges the outputs.
    pub labels: Option<Labels>,
}

/// One value for each form of the network.
pub(super) struct Forms<T> {
    pub float: T,
    pub simulated: T,
    /// `None` if the finished file does not run on the chip.
    pub on_chip: Option<T>,
}

/// Output that labels are of.
struct Output {
    index: usize,
    name: String,
    /// Value above which a single element is class 1.
    threshold: f64,
}

impl Opened {
    /// Returns the labelled samples, opened once; `None` if the text has none. Fails if labels and samples do not match.
    pub fn labelled(&self) -> Result<Option<Arc<Labelled>>> {
        self.labelled.get(|| {
            let Some(content) = self.contents.labelled.as_ref().map_err(Clone::clone)? else { return Ok(None) };
            let Some(request) = self.project().labelled_samples()? else { return Ok(None) };
            let samples = self.model()?.open(request)?;
            let (source, classes) = (self.project().labels(), self.project().classes()?);
            let labels = source.map(|source| samples.labels(&source, classes.as_deref())).transpose()?;
            content.unchanged()?;
            Ok(Some(Arc::new(Labelled { samples, labels })))
        })
    }

    /// Returns notes on how the labelled samples are read, without reading them.
    pub fn labelled_notes(&self) -> Result<Vec<Note>> {
        Ok(self.project().labelled_samples()?.map_or_else(Vec::new, |request| request.notes))
    }

    /// Returns the accuracy on labelled samples, from memory or the store if nothing has changed; `None` if the text names no
    /// labels.
    pub fn accuracy(&self, progress: &dyn Progress) -> Result<Option<Arc<Accuracy>>> {
        let Some(key) = self.accuracy_key()? else { return Ok(None) };
        if let Some(accuracy) = self.engine.kept(&self.engine.accuracies, &key) {
            return Ok(Some(accuracy));
        }
        let Some(labelled) = self.labelled()? else { return Ok(None) };
        let Some(labels) = &labelled.labels else { return Ok(None) };
        let output = self.labelled_output()?;
        let judge = |sample: usize, outputs: Vec<Tensor>| {
            let made = outputs.get(output.index).ok_or_else(|| Error::new(format!("it has no output {}", output.name)));
            made.and_then(|made| analysis::judge(made, label(labels, sample)?, output.threshold))
                .map_err(|e| e.about(&labelled.samples.describe(sample)).at_key("accuracy.labels"))
        };
        let judged: Forms<Vec<Judged>> = self.in_each_form(&labelled.samples, progress, &judge)?;
        let float = Results::of(judged.float);
        let accuracy = Accuracy {
            output: output.name.clone(),
            samples: labels.len(),
            float: float.score(&float),
            simulated: Results::of(judged.simulated).score(&float),
            on_chip: judged.on_chip.map(|on_chip| Results::of(on_chip).score(&float)),
        };
        Ok(Some(self.engine.keep(&self.engine.accuracies, key, accuracy)))
    }

    /// Runs all samples in each form of the network, and keeps of the outputs what `of` takes.
    pub(super) fn in_each_form<T: Send>(
        &self,
        samples: &Samples,
        progress: &dyn Progress,
        of: &(dyn Fn(usize, Vec<Tensor>) -> Result<T> + Sync),
    ) -> Result<Forms<Vec<T>>> {
        let calibrated = self.calibrated(progress)?;
        let finished = self.finished(progress)?;
        let export = finished.export.as_ref().filter(|_| finished.incompatibilities.is_empty());
        let target = calibrated.quantized.plan().settings.target;
        // A layer without a kernel is reported by the proof.
        let chip = export.and_then(|export| OnSamples::new(export, target).ok());
        progress.begin(Stage::Accuracy, samples.len());
        let run = |program: &Program, inputs: &[Tensor]| program.run(inputs, &[], &mut |_, _| Ok(()));
        let each = |index: usize| {
            let inputs = samples.sample(index)?;
            let float = of(index, run(&calibrated.float.original, &inputs)?)?;
            let simulated = of(index, run(&calibrated.simulated, &inputs)?)?;
            // So is a sample at which the chip stops.
            let on_chip = chip.as_ref().and_then(|chip| chip.outputs(&inputs).ok());
            let on_chip = on_chip.map(|outputs| of(index, outputs)).transpose()?;
            progress.tick()?;
            Ok(Forms { float, simulated, on_chip })
        };
        let each: Vec<Forms<T>> = parallel::try_map(samples.len(), each)?;
        let mut forms = Forms { float: Vec::new(), simulated: Vec::new(), on_chip: Some(Vec::new()) };
        for one in each {
            forms.float.push(one.float);
            forms.simulated.push(one.simulated);
            forms.on_chip = forms.on_chip.zip(one.on_chip).map(|(mut all, one)| {
                all.push(one);
                all
            });
        }
        Ok(forms)
    }

    /// Returns the output that the text names, else the only one.
    fn labelled_output(&self) -> Result<Output> {
        let model = self.model()?;
        let graph = &model.simplified.graph;
        let names: Vec<&str> = graph.outputs.iter().map(|&output| graph.value(output).name.as_str()).collect();
        let named = self.project().config.accuracy.output.as_ref().map(|given| given.value.as_str());
        let index = match (named, names.as_slice()) {
            (Some(name), names) => names.iter().position(|output| *output == name).ok_or_else(|| {
                let error = Error::new(format!("the network has no output `{name}`")).at_key("accuracy.output");
                match nearest(name, names.iter().copied()) {
                    Some(near) => error.with_help(format!("did you mean `{near}`?")),
                    None => error.with_help(format!("its outputs are {}", list(names.iter().copied()))),
                }
            })?,
            (None, [_]) => 0,
            (None, names) => {
                let what = format!("the network has {} outputs, and the labels are of one", names.len());
                let help = format!("name it, as output = \"...\" under [accuracy]: {}", list(names.iter().copied()));
                return Err(Error::new(what).at_key("accuracy.labels").with_help(help));
            }
        };
        let producer = graph.outputs.get(index).and_then(|output| graph.producers()[output.0]); // ids are the graph's
        let is_share = producer.is_some_and(|(node, _)| graph.node(node).op == "Sigmoid");
        Ok(Output { index, name: names[index].to_string(), threshold: if is_share { 0.5 } else { 0.0 } })
    }

    /// Returns the key of the accuracy; `None` if the text names no labels.
    fn accuracy_key(&self) -> Result<Option<Key>> {
        let content = self.contents.labelled.as_ref().map_err(Clone::clone)?;
        let Some(content) = content.as_ref().filter(|_| self.project().config.accuracy.labels.is_some()) else {
            return Ok(None);
        };
        Ok(Some(KeyBuilder::new("accuracy").key(&self.proof_key()?).key(&content.key).finish()))
    }
}

fn label(labels: &Labels, sample: usize) -> Result<Label<'_>> {
    let label = match labels {
        Labels::Classes(classes) => classes.get(sample).map(|&class| Label::Class(class)),
        Labels::Values(values) => values.get(sample).map(|values| Label::Values(values)),
    };
    label.ok_or_else(|| Error::new("it has no label"))
}
