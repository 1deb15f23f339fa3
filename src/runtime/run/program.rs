//! Model prepared once and run over any number of samples.
//!
//! Never: implementations of operators.

use std::collections::HashMap;
use std::sync::Arc;

use crate::chip::Target;
use crate::espdl::{DataType, Graph, Model, Node, Tensor};
use crate::parallel;
use crate::{Error, Result, bail};

use super::kernel::Kernel;
use super::node_context::{Declared, Step};
use super::value::{self, Data, Fact};

/// Model on a target chip, shared by threads.
pub struct Program {
    inputs: Vec<Input>,
    nodes: Vec<Ready>,
    outputs: Vec<Output>,
    /// Number of values: inputs, then the nodes' outputs.
    values: usize,
}

struct Input {
    name: String,
    fact: Fact,
}

/// Node ready to run.
struct Ready {
    name: String,
    kernel: Kernel,
    inputs: Vec<Source>,
    /// Names and indices of its outputs; those without a name are dropped.
    outputs: Vec<Option<(String, usize)>>,
}

enum Source {
    Absent,
    Constant(Arc<Data>),
    Value { place: usize, last_use: bool },
}

struct Output {
    name: String,
    fact: Fact,
    source: Source,
}

/// Value that a node has made.
pub struct Made<'a> {
    /// Name of the node that made it.
    pub node: &'a str,
    /// Name of the value in the file.
    pub name: &'a str,
    fact: &'a Fact,
    data: &'a Data,
}

impl Made<'_> {
    /// Copies the elements to a tensor with the value's exponents.
    pub fn tensor(&self) -> Tensor {
        self.fact.tensor(self.name, self.data)
    }
}

/// Callback for every value as soon as a node has made it.
pub type OnValue<'a> = &'a mut dyn FnMut(Made) -> Result<()>;

impl Program {
    /// Prepares a model: reads attributes, exponents and shapes, and packs weights in the order of the kernels. Fails
    /// if the chip, or the interpreter, has no function for a node.
    pub fn new(model: &Model, target: Target) -> Result<Program> {
        let mut builder = Builder::new(&model.graph, target)?;
        for node in &model.graph.nodes {
            builder.add(node)?;
        }
        builder.finish()
    }

    /// Runs one sample: a tensor for each input, by name. Returns the model's outputs in its order.
    pub fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        self.execute(inputs, None)
    }

    /// Runs [`Program::run`] over samples, each on one thread; results are in the order of the samples.
    pub fn run_all(&self, samples: &[Vec<Tensor>]) -> Result<Vec<Vec<Tensor>>> {
        parallel::try_map(samples.len(), |index| self.run(&samples[index]))
    }

    /// Like [`Program::run`], and passes every value that a node makes to `on_value`.
    pub fn watch(&self, inputs: &[Tensor], on_value: OnValue) -> Result<Vec<Tensor>> {
        self.execute(inputs, Some(on_value))
    }

    fn execute(&self, inputs: &[Tensor], mut on_value: Option<OnValue>) -> Result<Vec<Tensor>> {
        let mut values = self.feed(inputs)?;
        let mut ports = Vec::new();
        for node in &self.nodes {
            ports.clear();
            ports.extend(node.inputs.iter().map(|source| source.get(&mut values)));
            let made = node.kernel.run(&ports).map_err(|e| e.in_layer(node.name.clone()))?;
            for ((data, fact), output) in made.into_iter().zip(&node.kernel.facts).zip(&node.outputs) {
                let Some((name, place)) = output else { continue };
                if let Some(on_value) = &mut on_value {
                    on_value(Made { node: &node.name, name, fact, data: &data })?;
                }
                values[*place] = Some(data);
            }
        }
        let output = |output: &Output| match output.source.get(&mut values) {
            Some(data) => Ok(output.fact.tensor(&output.name, &data)),
            None => bail!("no node makes the value {}", output.name),
        };
        self.outputs.iter().map(output).collect()
    }

    fn feed(&self, inputs: &[Tensor]) -> Result<Vec<Option<Arc<Data>>>> {
        let mut values = vec![None; self.values];
        for (Input { name, fact }, value) in self.inputs.iter().zip(&mut values) {
            let Some(tensor) = inputs.iter().find(|t| &t.name == name) else {
                bail!("there is no tensor for the input {name}");
            };
            if fact.dims != tensor.dims {
                bail!("input {name} has shape {:?}, but the model expects {:?}", tensor.dims, fact.dims);
            }
            if fact.data_type != tensor.data_type {
                bail!("input {name} is {}, but the model expects {}", tensor.data_type.name(), fact.data_type.name());
            }
            let given = Fact::read(tensor)?;
            if fact.is_quantized() && given.exponent() != fact.exponent() {
                bail!("input {name} has exponent {}, but the model expects {}", given.exponent(), fact.exponent());
            }
            *value = given.constant;
        }
        Ok(values)
    }
}

impl Source {
    /// Returns the value, moved if this is its last use.
    fn get(&self, values: &mut [Option<Arc<Data>>]) -> Option<Arc<Data>> {
        match self {
            Source::Absent => None,
            Source::Constant(data) => Some(data.clone()),
            // In bounds: the builder assigns the indices.
            Source::Value { place, last_use: true } => values[*place].take(),
            Source::Value { place, .. } => values[*place].clone(),
        }
    }
}

/// Builder of a program, with the nodes so far.
struct Builder<'m> {
    graph: &'m Graph,
    target: Target,
    declared: HashMap<&'m str, Declared>,
    facts: HashMap<&'m str, Fact>,
    places: HashMap<&'m str, usize>,
    inputs: Vec<Input>,
    nodes: Vec<Ready>,
    values: usize,
}

impl<'m> Builder<'m> {
    fn new(graph: &'m Graph, target: Target) -> Result<Builder<'m>> {
        let declared = declarations(graph)?;
        let mut builder = Builder {
            graph,
            target,
            declared,
            facts: HashMap::new(),
            places: HashMap::new(),
            inputs: Vec::new(),
            nodes: Vec::new(),
            values: 0,
        };
        for info in &graph.inputs {
            let Some(dims) = info.sizes() else {
                bail!("input {} has no fixed shape, but the chip needs all sizes", info.name);
            };
            let exponent = builder.declared.get(info.name.as_str()).map_or(0, |declared| declared.exponent);
            let fact = Fact::made(info.data_type, dims, exponent);
            builder.inputs.push(Input { name: info.name.clone(), fact: fact.clone() });
            builder.make(&info.name, fact);
        }
        for tensor in &graph.initializers {
            builder.facts.insert(&tensor.name, Fact::read(tensor)?);
        }
        Ok(builder)
    }

    /// Assigns an index to a value.
    fn make(&mut self, name: &'m str, fact: Fact) -> usize {
        let place = self.values;
        self.values += 1;
        self.facts.insert(name, fact);
        self.places.insert(name, place);
        place
    }

    fn add(&mut self, node: &'m Node) -> Result<()> {
        let inputs: Vec<Source> = node.inputs.iter().map(|name| self.source(name)).collect();
        let kernel = super::kernels::prepare(&self.step(node)?).map_err(|e| e.in_layer(node.name.clone()))?;
        if kernel.facts.len() < node.outputs.iter().filter(|o| !o.is_empty()).count() {
            bail!("node {} computes {} of its {} outputs", node.name, kernel.facts.len(), node.outputs.len());
        }
        let outputs = node.outputs.iter().zip(kernel.facts.clone());
        let place =
            |(name, fact): (&'m String, Fact)| (!name.is_empty()).then(|| (name.clone(), self.make(name, fact)));
        let outputs = outputs.map(place).collect();
        self.nodes.push(Ready { name: node.name.clone(), kernel, inputs, outputs });
        Ok(())
    }

    fn source(&self, name: &str) -> Source {
        match (self.places.get(name), self.facts.get(name).and_then(|fact| fact.constant.clone())) {
            (_, Some(data)) => Source::Constant(data),
            (Some(&place), None) => Source::Value { place, last_use: false },
            (None, None) => Source::Absent,
        }
    }

    fn step<'a>(&'a self, node: &'a Node) -> Result<Step<'a>> {
        let input = |name: &String| match self.facts.get(name.as_str()) {
            Some(fact) => Ok(Some(fact)),
            None if name.is_empty() => Ok(None),
            None => bail!("node {} reads {name}, which no earlier node makes", node.name),
        };
        let output = |name: &String| match self.declared.get(name.as_str()) {
            Some(declared) => Ok(declared.clone()),
            None if name.is_empty() => Ok(Declared { data_type: DataType::Undefined, exponent: 0 }),
            None => bail!("node {} makes {name}, which is not in value_info", node.name),
        };
        let table = match node.text("lut") {
            Some(name) => match self.facts.get(name) {
                Some(table) => Some(table),
                None => bail!("node {} has the table {name}, which is not in the model", node.name),
            },
            None => None,
        };
        Ok(Step {
            node,
            table,
            target: self.target,
            inputs: node.inputs.iter().map(input).collect::<Result<_>>()?,
            outputs: node.outputs.iter().map(output).collect::<Result<_>>()?,
        })
    }

    fn finish(mut self) -> Result<Program> {
        let output = |info: &crate::espdl::ValueInfo| match self.facts.get(info.name.as_str()) {
            Some(fact) => Ok(Output { name: info.name.clone(), fact: fact.clone(), source: self.source(&info.name) }),
            None => bail!("no node makes the value {}", info.name),
        };
        let outputs = self.graph.outputs.iter().map(output).collect::<Result<Vec<Output>>>()?;
        let mut seen = vec![false; self.values];
        for output in &outputs {
            if let Source::Value { place, .. } = output.source {
                seen[place] = true;
            }
        }
        for source in self.nodes.iter_mut().rev().flat_map(|node| node.inputs.iter_mut().rev()) {
            if let Source::Value { place, last_use } = source {
                *last_use = !std::mem::replace(&mut seen[*place], true);
            }
        }
        Ok(Program { inputs: self.inputs, nodes: self.nodes, outputs, values: self.values })
    }
}

fn declarations(graph: &Graph) -> Result<HashMap<&str, Declared>> {
    let mut declared = HashMap::new();
    for info in graph.inputs.iter().chain(&graph.outputs).chain(&graph.values) {
        let exponent = value::exponent(info.exponents.first().copied().unwrap_or(0))
            .map_err(|e| Error::new(format!("value {}: {}", info.name, e.what())))?;
        declared.insert(info.name.as_str(), Declared { data_type: info.data_type, exponent });
    }
    Ok(declared)
}
