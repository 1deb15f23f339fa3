//! Ends of the network that the configuration chooses, and the way of the samples to its inputs.

use std::sync::Arc;

use crate::Result;
use crate::detect::Head;
use crate::exec::Program;
use crate::model;
use crate::note::Note;
use crate::project::{EndName, EndNames, Given, Project};
use crate::samples::{InputSpec, Samples, Way};
use crate::simplify::{self, End, Ends, Place, Simplified};

use super::content::KeyBuilder;
use super::opened::Opened;
use super::shapes;

/// Returns the ends that the text names.
pub fn of(project: &Project) -> Ends {
    let model = &project.config.model;
    let named = |given: &Given<EndNames>| match given {
        None => Vec::new(),
        Some(ends) => {
            let end = |end: &EndName| End { at: end.at.value.clone(), name: end.name.clone() };
            ends.value.0.iter().map(end).collect()
        }
    };
    Ends { outputs: named(&model.outputs), inputs: named(&model.inputs) }
}

/// Returns the note on a recognized head.
pub fn of_head(head: &Head) -> Note {
    let by = match head.postprocessor() {
        Some(name) => format!("ESP-DL decodes it with {name}"),
        None => "ESP-DL has no postprocessor for this form of it".to_string(),
    };
    let (levels, classes) = (head.levels.len(), head.classes);
    Note::new(format!("recognized: {}, {levels} levels, {classes} classes; {by}", head.describe()))
}

/// Way of samples of the file's inputs to the inputs of a cut network.
pub struct Passage {
    /// Inputs of the file that the network depends on.
    pub inputs: Vec<InputSpec>,
    way: Way,
}

impl Passage {
    /// Prepares the part before a network. `file` has all inputs of the file, `fed` those of the network in the form of
    /// [`simplify::Cut`].
    pub fn new(file: Vec<InputSpec>, fed: Vec<Option<String>>, before: Option<Simplified>) -> Result<Passage> {
        let graph = before.as_ref().map(|before| &before.graph);
        let first = graph.iter().flat_map(|graph| graph.inputs.iter().map(|&id| graph.value(id).name.clone()));
        let first: Vec<String> = first.collect();
        let is_needed =
            |spec: &InputSpec| first.contains(&spec.name) || fed.iter().flatten().any(|name| *name == spec.name);
        let inputs = file.into_iter().filter(is_needed).collect();
        let program = graph.map(Program::float).transpose()?.map(Arc::new);
        Ok(Passage { inputs, way: Way { first, program, fed } })
    }

    /// Returns the samples at the inputs of the network.
    pub fn through(&self, samples: &Samples) -> Arc<Samples> {
        Arc::new(samples.through(self.way.clone()))
    }
}

impl Opened {
    /// Lists the values of the whole network at which it can be cut, by depth.
    pub fn places(&self) -> Result<Arc<Vec<Place>>> {
        let content = self.contents.model.as_ref().map_err(Clone::clone)?;
        let key = KeyBuilder::new("places").key(&content.key).finish();
        if let Some(places) = self.engine.places.get(&key) {
            return Ok(places);
        }
        let mut imported = model::import(&content.path, &content.file()?)?;
        content.unchanged()?;
        // A shape that does not fit is reported by the model; names are known without it.
        if let Ok(given) = shapes::given(self.project(), &imported) {
            let _ = imported.fix(&given, "`input-shape`");
        }
        Ok(self.engine.places.keep(key, Arc::new(simplify::places(&imported))))
    }
}
