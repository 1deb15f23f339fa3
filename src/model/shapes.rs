//! Shapes of a model's inputs, where its file leaves lengths of axes free.

use std::collections::{BTreeMap, HashMap};

use crate::graph::ValueId;
use crate::note::Note;
use crate::text::nearest;
use crate::{Error, Kind, Result};

use super::Imported;

/// Shapes by input.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// Axes of one input of the model, as its file declares them.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// Value of the graph that the input gives.
    pub input: ValueId,
    /// Axes in the file's order.
    pub axes: Vec<Axis>,
}

/// Length of an axis, as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Axis {
    /// Length in the file.
    Fixed(usize),
    /// Name in the file, which may be empty. Axes with the same name have the same length.
    Free(String),
}

impl Declared {
    /// The first axis of several is the batch, of which ESP-DL has 1 where the file leaves it free.
    pub fn is_free_batch(&self, axis: usize) -> bool {
        axis == 0 && self.axes.len() > 1 && matches!(self.axes[0], Axis::Free(_))
    }

    /// Returns the shape where only the batch is free.
    pub fn shape(&self) -> Option<Vec<usize>> {
        let length = |(axis, declared): (usize, &Axis)| match declared {
            Axis::Fixed(length) => Some(*length),
            Axis::Free(_) => self.is_free_batch(axis).then_some(1),
        };
        self.axes.iter().enumerate().map(length).collect()
    }

    /// Axes that are free, the batch aside, each as a sentence names it: "2 ('height')".
    fn free(&self) -> impl Iterator<Item = (usize, String)> {
        let free = |(axis, declared): (usize, &Axis)| match declared {
            Axis::Free(_) if self.is_free_batch(axis) => None,
            Axis::Free(name) if name.is_empty() => Some((axis, axis.to_string())),
            Axis::Free(name) => Some((axis, format!("{axis} ('{name}')"))),
            Axis::Fixed(_) => None,
        };
        self.axes.iter().enumerate().filter_map(free)
    }
}

impl Imported {
    /// Returns the shapes of the inputs, where they are known.
    pub fn shapes(&self) -> Shapes {
        let values = self.graph.inputs.iter().map(|&input| self.graph.value(input));
        values.filter_map(|value| Some((value.name.clone(), value.shape.clone()?))).collect()
    }

    /// Tells graphs that were translated with other shapes than the inputs have now, and must be read again with these.
    pub fn is_outdated(&self) -> bool {
        self.translated_with.as_ref().is_some_and(|shapes| *shapes != self.shapes())
    }

    /// Tells models whose inputs all have a shape.
    pub fn is_fixed(&self) -> bool {
        self.graph.inputs.iter().all(|&input| self.graph.value(input).shape.is_some())
    }

    /// Returns an error that names the first free axis, where there is one.
    pub fn check_fixed(&self) -> Result<()> {
        const HELP: &str = "name samples in [calibration], whose shape is taken; or add input-shape = [1, 3, 224, 224] to \
                            [model]; or export with a fixed shape, without dynamic_axes / dynamic_shapes";
        let is_open = |declared: &&Declared| self.graph.value(declared.input).shape.is_none();
        let Some(declared) = self.declared.iter().find(is_open) else { return Ok(()) };
        let name = &self.graph.value(declared.input).name;
        let axis = declared.free().next().map_or_else(String::new, |(_, axis)| axis);
        let what = format!("dimension {axis} of input '{name}' is not fixed");
        Err(Error::new(what).with_help(HELP).of_kind(Kind::Dynamic))
    }

    /// Tells models whose batch is 1 although the file leaves it free, or has another.
    pub fn assumes_batch(&self) -> bool {
        self.declared.iter().any(|declared| {
            let shape = self.graph.value(declared.input).shape.as_deref();
            let is_other =
                matches!((declared.axes.first(), shape), (Some(Axis::Fixed(n)), Some([first, ..])) if n != first);
            declared.is_free_batch(0) || is_other
        })
    }

    /// Gives inputs their shapes, and those of the same free axes theirs. A fixed batch may become 1. `source` completes
    /// "taken from".
    pub fn fix(&mut self, shapes: &Shapes, source: &str) -> Result<()> {
        for (name, shape) in shapes {
            let is_named = |declared: &&Declared| self.graph.value(declared.input).name == *name;
            let Some(declared) = self.declared.iter().find(is_named).cloned() else { return Err(self.no_input(name)) };
            check(&declared, name, shape, source)?;
            self.set(&declared, shape.clone(), source);
        }
        let lengths = self.lengths()?;
        for declared in self.declared.clone() {
            if self.graph.value(declared.input).shape.is_none()
                && let Some(shape) = by_name(&declared, &lengths)
            {
                self.set(&declared, shape, "another input");
            }
        }
        Ok(())
    }

    fn set(&mut self, declared: &Declared, shape: Vec<usize>, source: &str) {
        let value = &mut self.graph.values[declared.input.0];
        if value.shape.as_ref() == Some(&shape) {
            return;
        }
        let name = value.name.clone();
        value.shape = Some(shape.clone());
        let free: Vec<(usize, String)> = declared.free().collect();
        let axes: Vec<String> = free.iter().map(|(_, axis)| axis.clone()).collect();
        let lengths: Vec<String> = free.iter().map(|(axis, _)| shape[*axis].to_string()).collect();
        let text = match axes.as_slice() {
            [] => format!("input '{name}' is set to {shape:?}, from {source}"),
            [axis] => format!("dimension {axis} of input '{name}' is not fixed: set to {} from {source}", lengths[0]),
            _ => format!(
                "dimensions {} of input '{name}' are not fixed: set to {} from {source}",
                axes.join(", "),
                lengths.join(", ")
            ),
        };
        if shape.first() != Some(&1) {
            // The batch was not set to 1 after all.
            let batch = batch_note(&name, declared);
            self.graph.notes.retain(|note| Some(&note.text) != batch.as_ref());
        }
        self.graph.notes.push(Note::new(text));
    }

    /// Lengths of the free axes that are known now, by name.
    fn lengths(&self) -> Result<HashMap<String, usize>> {
        let mut known: HashMap<String, (usize, &str)> = HashMap::new();
        for declared in &self.declared {
            let value = self.graph.value(declared.input);
            let Some(shape) = &value.shape else { continue };
            for (axis, (of_axis, &length)) in declared.axes.iter().zip(shape).enumerate() {
                let Axis::Free(name) = of_axis else { continue };
                if name.is_empty() || declared.is_free_batch(axis) {
                    continue;
                }
                let (first, input) = *known.entry(name.clone()).or_insert((length, &value.name));
                if first != length {
                    let what = format!(
                        "dimension '{name}' is {first} in input '{input}' and {length} in input '{}'",
                        value.name
                    );
                    let help =
                        "the model gives both one length: give samples that have it, or export without dynamic_axes";
                    return Err(Error::new(what).with_help(help).of_kind(Kind::Dynamic));
                }
            }
        }
        Ok(known.into_iter().map(|(name, (length, _))| (name, length)).collect())
    }

    fn no_input(&self, name: &str) -> Error {
        let inputs: Vec<&str> = self.graph.inputs.iter().map(|&id| self.graph.value(id).name.as_str()).collect();
        let help = match nearest(name, inputs.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its inputs are {}", inputs.join(", ")),
        };
        Error::new(format!("the model has no input `{name}`")).with_help(help)
    }
}

/// The sentence on a free batch.
pub fn batch_note(name: &str, declared: &Declared) -> Option<String> {
    let Some(Axis::Free(symbol)) = declared.axes.first().filter(|_| declared.is_free_batch(0)) else { return None };
    let symbol = if symbol.is_empty() { String::new() } else { format!(" ('{symbol}')") };
    Some(format!("the batch of input '{name}', dimension 0{symbol}, is not fixed: set to 1"))
}

fn check(declared: &Declared, name: &str, shape: &[usize], source: &str) -> Result<()> {
    let help = "give the shape as the model has it, with a length for each dimension that it leaves free";
    if shape.len() != declared.axes.len() {
        let what = format!(
            "{source} gives input '{name}' the shape {shape:?}; the model has {} dimensions",
            declared.axes.len()
        );
        return Err(Error::new(what).with_help(help));
    }
    for (axis, (of_axis, &length)) in declared.axes.iter().zip(shape).enumerate() {
        let is_batch_of_one = axis == 0 && shape.len() > 1 && length == 1;
        if let Axis::Fixed(fixed) = of_axis
            && *fixed != length
            && !is_batch_of_one
        {
            let what = format!(
                "{source} gives dimension {axis} of input '{name}' {length}, and the model fixes it to {fixed}"
            );
            return Err(Error::new(what).with_help(help));
        }
    }
    Ok(())
}

fn by_name(declared: &Declared, lengths: &HashMap<String, usize>) -> Option<Vec<usize>> {
    let length = |(axis, of_axis): (usize, &Axis)| match of_axis {
        Axis::Fixed(length) => Some(*length),
        Axis::Free(_) if declared.is_free_batch(axis) => Some(1),
        Axis::Free(name) => lengths.get(name).copied(),
    };
    declared.axes.iter().enumerate().map(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DataType, Graph, Value};
    use crate::note::sentences;

    /// Inputs by name; an axis is a number or a name.
    fn imported(inputs: &[(&str, &[&str])]) -> Imported {
        let mut graph = Graph::default();
        let mut declared = Vec::new();
        for (name, axes) in inputs {
            let axis = |text: &&str| text.parse().map_or_else(|_| Axis::Free((*text).to_string()), Axis::Fixed);
            let axes: Vec<Axis> = axes.iter().map(axis).collect();
            let input = ValueId(graph.values.len());
            let entry = Declared { input, axes };
            let value = Value {
                name: (*name).into(),
                data_type: Some(DataType::F32),
                shape: entry.shape(),
                ..Value::default()
            };
            graph.add_value(value);
            graph.inputs.push(input);
            declared.push(entry);
        }
        Imported { declared, ..Imported::of(graph) }
    }

    fn shapes(given: &[(&str, &[usize])]) -> BTreeMap<String, Vec<usize>> {
        given.iter().map(|(name, shape)| ((*name).to_string(), shape.to_vec())).collect()
    }

    #[test]
    fn free_axes_take_their_lengths_with_a_note() {
        let mut model = imported(&[("x", &["N", "3", "height", "width"])]);
        let error = model.check_fixed().unwrap_err();
        assert_eq!((error.what(), error.kind()), ("dimension 2 ('height') of input 'x' is not fixed", Kind::Dynamic));
        model.fix(&shapes(&[("x", &[1, 3, 16, 12])]), "the samples").unwrap();
        assert!(model.is_fixed() && model.check_fixed().is_ok() && model.assumes_batch());
        assert_eq!(model.graph.values[0].shape, Some(vec![1, 3, 16, 12]));
        let note = "dimensions 2 ('height'), 3 ('width') of input 'x' are not fixed: set to 16, 12 from the samples";
        assert_eq!(sentences(&model.graph.notes), [note]);
    }

    #[test]
    fn axes_of_one_name_have_one_length() {
        let mut model = imported(&[("a", &["N", "time", "4"]), ("b", &["N", "time"])]);
        model.fix(&shapes(&[("a", &[1, 40, 4])]), "the samples").unwrap();
        assert_eq!(model.graph.values[1].shape, Some(vec![1, 40]));
        let mut model = imported(&[("a", &["N", "time"]), ("b", &["N", "time"])]);
        let error = model.fix(&shapes(&[("a", &[1, 40]), ("b", &[1, 50])]), "the samples").unwrap_err();
        assert_eq!(error.what(), "dimension 'time' is 40 in input 'a' and 50 in input 'b'");
    }

    #[test]
    fn a_shape_that_contradicts_the_model_is_refused() {
        let error = |shape: &[usize]| {
            imported(&[("x", &["1", "3", "height"])]).fix(&shapes(&[("x", shape)]), "`input-shape`").unwrap_err()
        };
        assert!(error(&[1, 4, 9]).what().contains("gives dimension 1 of input 'x' 4, and the model fixes it to 3"));
        assert!(error(&[1, 3]).what().contains("the shape [1, 3]; the model has 3 dimensions"));
        assert!(error(&[2, 3, 9]).what().contains("gives dimension 0 of input 'x' 2, and the model fixes it to 1"));
        let error = imported(&[("xs", &["1"])]).fix(&shapes(&[("x", &[1])]), "`input-shape`").unwrap_err();
        assert_eq!((error.what(), error.help()), ("the model has no input `x`", Some("did you mean `xs`?")));
    }

    #[test]
    fn a_fixed_batch_may_become_one() {
        let mut model = imported(&[("x", &["8", "3"])]);
        assert!(!model.assumes_batch());
        model.fix(&shapes(&[("x", &[1, 3])]), "`input-shape`").unwrap();
        assert!(model.assumes_batch());
        assert_eq!(sentences(&model.graph.notes), ["input 'x' is set to [1, 3], from `input-shape`"]);
    }
}
