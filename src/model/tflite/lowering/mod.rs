//! Graph under construction, and the values that stand for the file's tensors.

mod nodes;

use std::collections::HashMap;

use super::file::{File, Operator};
use super::layout::{self, Layout};
use super::weights::{self, count};
use crate::graph::{Graph, Tensor, ValueId};
use crate::model::shapes::batch_note;
use crate::model::unique::Names;
use crate::model::{Axis, Declared, Shapes};
use crate::note::Note;
use crate::{Error, Result, bail};

pub use nodes::{Activation, Placed};

/// Operator set of the graph: the first with Gelu.
const OPSET: i64 = 20;

/// Graph under construction.
pub struct Lowering<'a> {
    pub file: &'a File<'a>,
    pub graph: Graph,
    /// Values by number of the tensor.
    held: Vec<Option<Held>>,
    /// Operators that read each tensor; a model's output has one more reader.
    readers: Vec<Vec<usize>>,
    constants: HashMap<(usize, &'static str), ValueId>,
    read: HashMap<usize, Tensor>,
    names: Names,
    layers: Names,
    /// Padding by tensor, which the convolution that reads it takes over.
    pub paddings: HashMap<usize, Padding>,
    /// Shapes of the inputs that are known.
    pub shapes: Shapes,
    /// Operators that an earlier one has translated together with itself.
    joined: Vec<bool>,
    /// Layers whose integer weights were scaled to floats.
    scaled: usize,
}

/// Values of one tensor of the file.
#[derive(Clone)]
struct Held {
    /// Shape in TFLite's order of axes.
    shape: Vec<usize>,
    /// Value in TFLite's order.
    plain: Option<ValueId>,
    /// Value with the channels in front of height and width.
    first: Option<ValueId>,
    /// Value with the same elements in the same order, and its shape: what a Reshape has made this one of.
    root: Option<(ValueId, Vec<usize>)>,
}

/// Zeros around height and width of a tensor, or the blocks of a dilated convolution.
#[derive(Clone, Copy)]
pub struct Padding {
    pub tensor: usize,
    /// Before and behind height, then before and behind width.
    pub pads: [[usize; 2]; 2],
    /// Distance of a filter's elements; 1 for plain padding.
    pub dilation: [usize; 2],
}

impl<'a> Lowering<'a> {
    pub fn new(file: &'a File<'a>) -> Lowering<'a> {
        let mut readers = vec![Vec::new(); file.tensors.len()];
        for operator in &file.operators {
            for &input in operator.inputs.iter().flatten() {
                readers[input].push(operator.index);
            }
        }
        for &output in &file.outputs {
            readers[output].push(usize::MAX);
        }
        Lowering {
            file,
            graph: Graph { name: file.name.clone(), opset: OPSET, ..Graph::default() },
            held: vec![None; file.tensors.len()],
            readers,
            constants: HashMap::new(),
            read: HashMap::new(),
            names: Names::default(),
            layers: Names::default(),
            paddings: HashMap::new(),
            shapes: Shapes::new(),
            joined: vec![false; file.operators.len()],
            scaled: 0,
        }
    }

    /// Adds the inputs of the model, in TFLite's order of axes, with shapes that are given where the file leaves axes free.
    pub fn inputs(&mut self, given: &Shapes) -> Result<Vec<Declared>> {
        let mut all = Vec::new();
        for &tensor in &self.file.inputs {
            let info = &self.file.tensors[tensor];
            if self.held[tensor].is_some() {
                bail!("input '{}' of the model is listed twice", info.name)
            }
            let name = match info.name.as_str() {
                "" => format!("input {}", all.len()),
                name => name.to_string(),
            };
            let data_type = weights::data_type(info.kind).map_err(|e| e.about(&format!("input '{name}'")))?;
            let axis = |(at, &length): (usize, &usize)| match info.signature.get(at) {
                Some(-1) => Axis::Free(String::new()),
                _ => Axis::Fixed(length),
            };
            let axes: Vec<Axis> = info.shape.iter().enumerate().map(axis).collect();
            let id = self.value(&name);
            let declared = Declared { input: id, axes };
            let shape = given.get(&name).cloned().or_else(|| declared.shape()).filter(|s| s.len() == info.shape.len());
            let lengths = shape.as_ref().unwrap_or(&info.shape);
            count(lengths)?;
            if let Some(axis) = lengths.iter().position(|&length| length == 0) {
                bail!("dimension {axis} of input '{name}' is 0, its shape is {lengths:?}")
            }
            let value = &mut self.graph.values[id.0];
            (value.data_type, value.shape) = (Some(data_type), declared.shape());
            self.graph.notes.extend(batch_note(&name, &declared).map(Note::new));
            self.graph.inputs.push(id);
            if let Some(shape) = shape {
                self.shapes.insert(name, shape.clone());
                self.held[tensor] = Some(Held { shape, plain: Some(id), first: None, root: None });
            }
            all.push(declared);
        }
        Ok(all)
    }

    /// Sets the outputs of the model, in TFLite's order of axes and by the file's names.
    pub fn finish(mut self) -> Result<Graph> {
        const NONE: &str = "check that the path is a complete .tflite file; convert or download it again";
        if self.file.outputs.is_empty() {
            return Err(Error::new("the model has no outputs").with_help(NONE));
        }
        for &tensor in &self.file.outputs {
            let value = self.output(tensor)?;
            self.graph.outputs.push(value);
        }
        // What constants alone have made, or a Reshape of a Reshape.
        self.graph.drop_dead();
        self.graph.drop_unused_values();
        if self.scaled > 0 {
            let text = "weights are int8 in the file: scaled to float32. TensorFlow Lite's interpreter rounds activations \
                        of these layers, too, so its outputs differ by about 1%";
            self.graph.notes.push(Note::new(text));
        }
        Ok(self.graph)
    }

    fn output(&mut self, tensor: usize) -> Result<ValueId> {
        let name = self.file.tensors[tensor].name.clone();
        let is_first = self.is_first(tensor);
        let made = self.held[tensor].as_ref().and_then(|held| held.first).filter(|_| is_first);
        if let Some(first) = made {
            // The value that the outside sees has the file's name.
            let inner = self.unique(&format!("{name}/nchw"));
            self.graph.values[first.0].name = inner;
            self.names.remove(&name);
            let outer = self.value(&name);
            let shape = self.shape(tensor)?;
            self.reorder(&format!("{name}/nhwc"), first, &layout::first(&shape), &layout::TO_LAST, outer)?;
            self.set_plain(tensor, outer);
        }
        let plain = self.plain(tensor)?;
        let is_taken = self.graph.inputs.contains(&plain) || self.graph.outputs.contains(&plain);
        let is_constant = self.graph.value(plain).constant.is_some();
        if is_taken || is_constant || self.graph.value(plain).name != name {
            return Ok(self.node(&name, "Identity", &[Some(plain)], []));
        }
        Ok(plain)
    }

    /// Returns the shape of a tensor, in TFLite's order of axes.
    pub fn shape(&self, tensor: usize) -> Result<Vec<usize>> {
        match &self.held[tensor] {
            Some(held) => Ok(held.shape.clone()),
            None if self.file.tensors[tensor].is_constant() => {
                let shape = &self.file.tensors[tensor].shape;
                count(shape)?;
                Ok(shape.clone())
            }
            None => bail!("tensor '{}' is read before it is made", self.file.tensors[tensor].name),
        }
    }

    /// Returns the elements of a constant, in TFLite's order; `None` for an activation.
    pub fn constant(&mut self, tensor: usize) -> Result<Option<Tensor>> {
        if let Some(held) = &self.held[tensor] {
            return Ok(held.plain.and_then(|id| self.graph.value(id).constant.clone()));
        }
        let info = &self.file.tensors[tensor];
        if !info.is_constant() {
            return Ok(None);
        }
        if let Some(known) = self.read.get(&tensor) {
            return Ok(Some(known.clone()));
        }
        let read = weights::tensor(info)?;
        if info.scales.is_some() && weights::is_narrow(info.kind) {
            self.scaled += 1;
        }
        self.read.insert(tensor, read.clone());
        Ok(Some(read))
    }

    /// Returns the elements of a constant that must be one.
    pub fn weights(&mut self, tensor: usize, what: &str) -> Result<Tensor> {
        match self.constant(tensor)? {
            Some(weights) => Ok(weights),
            None => {
                let error = Error::new(format!("its {what} are computed by other layers"));
                Err(error.with_help("ESP-DL needs constants there: convert a model with fixed weights and sizes"))
            }
        }
    }

    /// Returns integers of a constant that must be one: axes, sizes, paddings.
    pub fn ints(&mut self, tensor: usize, what: &str) -> Result<Vec<i64>> {
        let Some(ints) = self.weights(tensor, what)?.to_i64s() else { bail!("its {what} are no integers") };
        Ok(ints)
    }

    /// Returns the one operator that reads a tensor, if there is one alone.
    pub fn only_reader(&self, tensor: usize) -> Option<&'a Operator<'a>> {
        match self.readers[tensor].as_slice() {
            [reader] => self.file.operators.get(*reader),
            _ => None,
        }
    }

    /// Marks operators that have been translated together with another.
    pub fn join(&mut self, operators: impl IntoIterator<Item = usize>) {
        for at in operators {
            if let Some(joined) = self.joined.get_mut(at) {
                *joined = true;
            }
        }
    }

    /// Returns `true` for operators that an earlier one has translated.
    pub fn is_joined(&self, operator: &Operator) -> bool {
        self.joined.get(operator.index).copied().unwrap_or_default()
    }

    /// Returns `true` for tensors that exist with their channels in front of height and width, and in no other order.
    pub fn is_first(&self, tensor: usize) -> bool {
        self.held[tensor].as_ref().is_some_and(|held| held.plain.is_none())
    }

    pub fn layout(&self, tensor: usize) -> Layout {
        if self.is_first(tensor) { Layout::First } else { Layout::Plain }
    }

    /// Returns the value of a tensor in TFLite's order of axes.
    pub fn plain(&mut self, tensor: usize) -> Result<ValueId> {
        let Some(held) = self.held[tensor].clone() else {
            let weights = self.weights(tensor, "inputs")?;
            return Ok(self.constant_of(tensor, "", weights));
        };
        if let Some(plain) = held.plain {
            return Ok(plain);
        }
        let Some(first) = held.first else { bail!("tensor '{}' has no value", self.file.tensors[tensor].name) };
        let name = format!("{}/nhwc", self.graph.value(first).name);
        let plain = self.value(&name);
        self.reorder(&name, first, &layout::first(&held.shape), &layout::TO_LAST, plain)?;
        self.set_plain(tensor, plain);
        Ok(plain)
    }

    /// Returns the value of a tensor of rank 4 with its channels in front of height and width.
    pub fn first(&mut self, tensor: usize) -> Result<ValueId> {
        let shape = self.shape(tensor)?;
        if shape.len() != 4 {
            bail!("needs an input of 4 dimensions, and '{}' has shape {shape:?}", self.file.tensors[tensor].name)
        }
        let Some(held) = self.held[tensor].clone() else {
            let weights = self.weights(tensor, "inputs")?;
            return self.reordered(tensor, "/nchw", weights, &layout::TO_FIRST);
        };
        if let Some(first) = held.first {
            return Ok(first);
        }
        let plain = self.plain(tensor)?;
        let name = format!("{}/nchw", self.graph.value(plain).name);
        let first = self.value(&name);
        match held.root.filter(|_| layout::is_unit(&shape)) {
            Some((root, _)) => self.reshape_to(&name, root, &layout::first(&shape), first),
            None => self.reorder(&name, plain, &shape, &layout::TO_FIRST, first)?,
        }
        if let Some(held) = &mut self.held[tensor] {
            held.first = Some(first);
        }
        Ok(first)
    }

    /// Returns a value in a layout.
    pub fn laid(&mut self, tensor: usize, layout: Layout) -> Result<ValueId> {
        match layout {
            Layout::Plain => self.plain(tensor),
            Layout::First => self.first(tensor),
        }
    }

    /// Returns a value with the elements of a tensor in TFLite's order, under any shape, and its shape.
    pub fn flat(&mut self, tensor: usize) -> Result<(ValueId, Vec<usize>)> {
        let shape = self.shape(tensor)?;
        if let Some(held) = &self.held[tensor] {
            if let Some(root) = &held.root {
                return Ok(root.clone());
            }
            if let (None, Some(first)) = (held.plain, held.first)
                && layout::is_unit(&shape)
            {
                return Ok((first, layout::first(&shape)));
            }
        }
        Ok((self.plain(tensor)?, shape))
    }

    /// Returns a value of at most 4 dimensions that broadcasts in a layout with one of shape `to`.
    pub fn broadcast(&mut self, tensor: usize, layout: Layout, rank: usize) -> Result<ValueId> {
        let shape = self.shape(tensor)?;
        if layout == Layout::Plain || count(&shape)? == 1 && self.constant(tensor)?.is_some() {
            return self.plain(tensor);
        }
        if shape.len() == rank {
            return self.first(tensor);
        }
        let mut padded = vec![1; rank.saturating_sub(shape.len())];
        padded.extend(&shape);
        if let Some(constant) = self.constant(tensor)? {
            return self.reordered(tensor, "/nchw", constant.reshape(&padded)?, &layout::TO_FIRST);
        }
        let (flat, _) = self.flat(tensor)?;
        let name = format!("{}/nchw", self.graph.value(flat).name);
        if layout::is_unit(&padded) {
            let value = self.value(&name);
            self.reshape_to(&name, flat, &layout::first(&padded), value);
            return Ok(value);
        }
        let wide = format!("{}/4d", self.graph.value(flat).name);
        let padded_value = self.value(&wide);
        self.reshape_to(&wide, flat, &padded, padded_value);
        let value = self.value(&name);
        self.reorder(&name, padded_value, &padded, &layout::TO_FIRST, value)?;
        Ok(value)
    }

    /// Sets the value of a tensor. `shape` is in TFLite's order.
    pub fn set(&mut self, tensor: usize, value: ValueId, layout: Layout, shape: Vec<usize>) -> Result<()> {
        count(&shape)?;
        if self.held[tensor].is_some() || self.file.tensors[tensor].is_constant() {
            bail!("tensor '{}' is made twice", self.file.tensors[tensor].name)
        }
        let (plain, first) = match layout {
            Layout::Plain => (Some(value), None),
            Layout::First => (None, Some(value)),
        };
        self.held[tensor] = Some(Held { shape, plain, first, root: None });
        Ok(())
    }

    /// Gives a tensor another that has the same elements in the same order: by a Reshape, unless nothing changes.
    pub fn reshaped(&mut self, operator: &Operator, from: usize, shape: Vec<usize>) -> Result<()> {
        let to = operator.output()?;
        let whole = self.shape(from)?;
        if count(&whole)? != count(&shape)? {
            bail!("shape {whole:?} cannot become {shape:?}")
        }
        if let Some(constant) = self.constant(from)? {
            let id = self.add_constant(&self.base(operator), constant.reshape(&shape)?);
            return self.set(to, id, Layout::Plain, shape);
        }
        let (flat, actual) = self.flat(from)?;
        if actual == shape {
            return self.set(to, flat, Layout::Plain, shape);
        }
        let base = self.base(operator);
        let value = self.value(&base);
        self.reshape_to(&base, flat, &shape, value);
        self.set(to, value, Layout::Plain, shape)?;
        if let Some(held) = &mut self.held[to] {
            held.root = Some((flat, actual));
        }
        Ok(())
    }

    /// Gives a tensor of rank 4 another with the same elements where both have channels first.
    pub fn reshaped_first(&mut self, operator: &Operator, from: usize, shape: Vec<usize>) -> Result<()> {
        let (to, base) = (operator.output()?, self.base(operator));
        let (actual, wanted) = (layout::first(&self.shape(from)?), layout::first(&shape));
        let x = self.first(from)?;
        if actual == wanted {
            return self.set(to, x, Layout::First, shape);
        }
        let value = self.value(&base);
        self.reshape_to(&base, x, &wanted, value);
        self.set(to, value, Layout::First, shape)
    }

    fn set_plain(&mut self, tensor: usize, plain: ValueId) {
        if let Some(held) = &mut self.held[tensor] {
            held.plain = Some(plain);
        }
    }
}
