//! Conversion of `ModelProto` to [`Graph`].

use std::collections::HashMap;
use std::path::Path;

use prost::Message;
use prost::bytes::Bytes;

use super::proto::{self, DimensionValue, TypeValue, kind};
use super::tensor::{data_type, shape, tensor, text};
use super::{modules, names, quantized};
use crate::graph::{Attribute, Attributes, Graph, Node, Tensor, Value, ValueId};
use crate::model::shapes::batch_note;
use crate::model::{Axis, Declared, Imported, Record};
use crate::note::Note;
use crate::{Error, Kind, Result, bail};

/// Operator sets that espq supports.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=25;

const NOT_ONNX: &str = "check that the path is a complete .onnx file; export or download it again";
const AGAIN: &str = "the file is damaged or was edited wrongly; export the model again";
const FIXED: &str = "export with a fixed shape: leave out dynamic_axes / dynamic_shapes";

/// Parses a model's bytes; external data is searched in `folder`.
pub fn parse(bytes: Bytes, folder: &Path) -> Result<Imported> {
    if bytes.is_empty() {
        return Err(Error::new("the model is empty, 0 bytes").with_help(NOT_ONNX));
    }
    let model = proto::Model::decode(bytes)
        .map_err(|e| Error::new(format!("not an ONNX model, or a damaged one: {e}")).with_help(NOT_ONNX))?;
    let Some(graph) = &model.graph else {
        return Err(Error::new("not an ONNX model: it contains no graph").with_help(NOT_ONNX));
    };
    let opset = opset(&model)?;
    let mut loader = Loader {
        folder,
        opset,
        functions: &model.functions,
        graph: Graph::default(),
        declared: Vec::new(),
        ids: HashMap::new(),
    };
    loader.load(graph)?;
    loader.graph.topological_order()?;
    let constants = graph.node.iter().filter(|node| is_constant(node)).map(|node| node.name.clone());
    let modules = modules::of(&loader.graph.nodes, graph.node.iter().filter(|node| !is_constant(node)));
    quantized::take_scales(&mut loader.graph)?;
    let record =
        Record { constants: constants.filter(|name| !name.is_empty()).collect(), modules, ..Record::default() };
    Ok(Imported { record, declared: loader.declared, ..Imported::of(loader.graph) })
}

fn opset(model: &proto::Model) -> Result<i64> {
    let own = model.opset_import.iter().find(|set| is_onnx(&set.domain));
    // Models of IR version 1 and 2 import no operator set and use version 1.
    let version = own.map_or(1, |set| set.version);
    if OPSETS.contains(&version) {
        return Ok(version);
    }
    Err(Error::new(format!(
        "the model uses ONNX operator set {version}, but espq supports {} to {}",
        OPSETS.start(),
        OPSETS.end()
    ))
    .with_help("export it again with opset_version=18, or convert it with onnx.version_converter"))
}

fn is_onnx(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

struct Loader<'a> {
    folder: &'a Path,
    opset: i64,
    functions: &'a [proto::Function],
    graph: Graph,
    declared: Vec<Declared>,
    ids: HashMap<String, ValueId>,
}

impl Loader<'_> {
    fn load(&mut self, proto: &proto::Graph) -> Result<()> {
        self.graph.name = proto.name.clone();
        self.graph.opset = self.opset;
        self.constants(proto)?;
        self.inputs(proto)?;
        if let Some(unnamed) = proto.output.iter().position(|output| output.name.is_empty()) {
            bail!("output {unnamed} of the model has no name")
        }
        self.nodes(&proto.node)?;
        self.graph.notes.extend(names::distinct(&mut self.graph.nodes));
        self.outputs(proto)
    }

    fn constants(&mut self, proto: &proto::Graph) -> Result<()> {
        if let Some(sparse) = proto.sparse_initializer.first() {
            let name = sparse.values.as_ref().map_or("", |values| &values.name);
            return Err(
                Error::new(format!("initializer '{name}' is sparse")).with_help("export the model with dense weights")
            );
        }
        for initializer in &proto.initializer {
            let value = tensor(initializer, self.folder)?;
            match self.ids.get(&initializer.name) {
                None => drop(self.define(&initializer.name, Some(value))?),
                Some(&id) => self.replace_constant(id, value),
            }
        }
        Ok(())
    }

    /// Takes the later of two initializers of one name, as ONNX Runtime does.
    fn replace_constant(&mut self, id: ValueId, tensor: Tensor) {
        let value = &mut self.graph.values[id.0];
        if value.constant.as_ref() != Some(&tensor) {
            let text = format!("two initializers are called '{}': the later one is taken", value.name);
            (value.data_type, value.shape) = (Some(tensor.data_type()), Some(tensor.shape().to_vec()));
            value.constant = Some(tensor);
            self.graph.notes.push(Note::new(text));
        }
    }

    fn inputs(&mut self, proto: &proto::Graph) -> Result<()> {
        for input in &proto.input {
            let initialized = self.ids.get(&input.name).is_some_and(|&id| self.graph.value(id).constant.is_some());
            if initialized {
                continue;
            }
            let id = self.define(&input.name, None)?;
            self.graph.inputs.push(id);
            self.describe_input(id, input)?;
        }
        Ok(())
    }

    fn describe_input(&mut self, id: ValueId, input: &proto::ValueInfo) -> Result<()> {
        let name = &input.name;
        let of_type = |what: &str| {
            Err(Error::new(format!("input '{name}' is {what}, not a tensor"))
                .with_help("ESP-DL's models have only tensors as inputs: change the model and export it again"))
        };
        let tensor = match input.value_type.as_ref().and_then(|t| t.value.as_ref()) {
            Some(TypeValue::Tensor(tensor)) => tensor,
            Some(TypeValue::Sequence(_)) => return of_type("a sequence"),
            Some(TypeValue::Map(_)) => return of_type("a map"),
            Some(TypeValue::SparseTensor(_)) => return of_type("sparse"),
            Some(TypeValue::Optional(_)) => return of_type("optional"),
            None => return of_type("of no type"),
        };
        let kind = data_type(tensor.elem_type).map_err(|e| {
            Error::new(format!("input '{name}': {}", e.what())).with_help("export the model with float32 inputs")
        })?;
        let Some(declared) = &tensor.shape else {
            return Err(Error::new(format!("input '{name}' has no shape")).with_help(FIXED).of_kind(Kind::Dynamic));
        };
        let axes = axes(name, &declared.dim)?;
        let declared = Declared { input: id, axes };
        let value = &mut self.graph.values[id.0];
        value.data_type = Some(kind);
        value.shape = declared.shape();
        self.graph.notes.extend(batch_note(name, &declared).map(Note::new));
        self.declared.push(declared);
        Ok(())
    }

    /// Adds a new value; fails if the name is taken.
    fn define(&mut self, name: &str, constant: Option<Tensor>) -> Result<ValueId> {
        if name.is_empty() {
            return Err(Error::new("an input or initializer of the model has no name").with_help(NOT_ONNX));
        }
        if self.ids.contains_key(name) {
            return Err(Error::new(format!("tensor '{name}' is defined twice"))
                .with_help("each tensor must have one producer: export the model again"));
        }
        let id = match constant {
            Some(tensor) => self.graph.add_constant(name, tensor),
            None => self.graph.add_value(Value { name: name.to_owned(), ..Value::default() }),
        };
        self.ids.insert(name.to_owned(), id);
        Ok(id)
    }

    fn nodes(&mut self, nodes: &[proto::Node]) -> Result<()> {
        // Outputs are added first, since a node may come before its producers.
        let mut outputs = Vec::with_capacity(nodes.len());
        for node in nodes {
            outputs.push(self.node_outputs(node).map_err(|e| e.in_layer(title(node)).with_help(AGAIN))?);
        }
        for (node, outputs) in nodes.iter().zip(outputs) {
            if is_constant(node) {
                continue;
            }
            let node = self.node(node, outputs).map_err(|e| e.in_layer(title(node)).with_help(AGAIN))?;
            self.graph.nodes.push(node);
        }
        Ok(())
    }

    fn node_outputs(&mut self, node: &proto::Node) -> Result<Vec<Option<ValueId>>> {
        if is_constant(node) {
            let value = self.constant(node)?;
            self.graph.numbered += 2;
            let [output] = &node.output[..] else { bail!("Constant has {} outputs, not one", node.output.len()) };
            return Ok(vec![Some(self.define(output, Some(value))?)]);
        }
        if let Some(function) = self.functions.iter().find(|f| f.name == node.op_type && f.domain == node.domain) {
            return Err(Error::new(format!("'{}' is a function defined in the model", function.name))
                .with_help("inline it, with onnx.inliner.inline_local_functions, and save the model again"));
        }
        let mut outputs = Vec::with_capacity(node.output.len());
        for name in &node.output {
            outputs.push(if name.is_empty() { None } else { Some(self.define(name, None)?) });
        }
        Ok(outputs)
    }

    fn constant(&self, node: &proto::Node) -> Result<Tensor> {
        let [attribute] = &node.attribute[..] else {
            bail!("Constant has {} attributes, not one", node.attribute.len())
        };
        let value = self.attribute(attribute)?;
        Ok(match value {
            Attribute::Tensor(tensor) => tensor,
            Attribute::Float(v) => Tensor::scalar(v),
            Attribute::Int(v) => Tensor::scalar(v),
            Attribute::Floats(v) => Tensor::new(&[v.len()], v)?,
            Attribute::Ints(v) => Tensor::new(&[v.len()], v)?,
            Attribute::Text(_) | Attribute::Texts(_) | Attribute::Graph(_) => {
                return Err(Error::new(format!("Constant of '{}' is not supported", attribute.name))
                    .with_help("ESP-DL's models contain only numbers"));
            }
        })
    }

    fn node(&mut self, node: &proto::Node, outputs: Vec<Option<ValueId>>) -> Result<Node> {
        let mut inputs = Vec::with_capacity(node.input.len());
        for name in &node.input {
            inputs.push(if name.is_empty() { None } else { Some(self.find(name)?) });
        }
        let mut attributes = Attributes::default();
        for attribute in &node.attribute {
            if attributes.get(&attribute.name).is_some() {
                bail!("attribute '{}' is given twice", attribute.name)
            }
            attributes.set(&attribute.name, self.attribute(attribute)?);
        }
        let domain = if is_onnx(&node.domain) { String::new() } else { node.domain.clone() };
        Ok(Node { name: node.name.clone(), op: node.op_type.clone(), domain, attributes, inputs, outputs })
    }

    fn find(&self, name: &str) -> Result<ValueId> {
        self.ids.get(name).copied().ok_or_else(|| {
            Error::new(format!("input '{name}' has no producer: no node, initializer or model input has that name"))
                .with_help("the model was cut or edited wrongly; export it again")
        })
    }

    fn attribute(&self, proto: &proto::Attribute) -> Result<Attribute> {
        let name = &proto.name;
        if !proto.ref_attr_name.is_empty() {
            bail!("attribute '{name}' refers to one of a function, outside any function")
        }
        let missing = || Error::new(format!("attribute '{name}' has no value"));
        Ok(match attribute_kind(proto) {
            kind::FLOAT => Attribute::Float(proto.f.unwrap_or_default()),
            kind::INT => Attribute::Int(proto.i.unwrap_or_default()),
            kind::STRING => Attribute::Text(text(proto.s.as_deref().unwrap_or_default()).into_owned()),
            kind::TENSOR => Attribute::Tensor(tensor(proto.t.as_ref().ok_or_else(missing)?, self.folder)?),
            kind::GRAPH => Attribute::Graph(Box::new(self.subgraph(proto.g.as_ref().ok_or_else(missing)?)?)),
            kind::FLOATS => Attribute::Floats(proto.floats.clone()),
            kind::INTS => Attribute::Ints(proto.ints.clone()),
            kind::STRINGS => Attribute::Texts(proto.strings.iter().map(|s| text(s).into_owned()).collect()),
            other => bail!("attribute '{name}' is of kind {other}, which is not supported"),
        })
    }

    /// Converts the body of an If or Loop, which may read values of the enclosing graph by name.
    fn subgraph(&self, proto: &proto::Graph) -> Result<Graph> {
        let mut inner = Loader {
            folder: self.folder,
            opset: self.opset,
            functions: self.functions,
            graph: Graph { name: proto.name.clone(), opset: self.opset, ..Graph::default() },
            declared: Vec::new(),
            ids: HashMap::new(),
        };
        inner.constants(proto)?;
        for input in &proto.input {
            let id = inner.define(&input.name, None)?;
            inner.graph.inputs.push(id);
        }
        let made: Vec<&String> = proto.node.iter().flat_map(|node| &node.output).collect();
        let read = proto.node.iter().flat_map(|node| &node.input).chain(proto.output.iter().map(|o| &o.name));
        for name in read.filter(|name| !name.is_empty() && !made.contains(name)) {
            if !inner.ids.contains_key(name) {
                inner.define(name, None)?;
            }
        }
        inner.nodes(&proto.node)?;
        inner.outputs(proto)?;
        Ok(inner.graph)
    }

    fn outputs(&mut self, proto: &proto::Graph) -> Result<()> {
        if proto.output.is_empty() {
            return Err(Error::new("the model has no outputs").with_help(NOT_ONNX));
        }
        for output in &proto.output {
            let Some(&id) = self.ids.get(&output.name) else {
                return Err(Error::new(format!("output '{}' of the model has no producer", output.name))
                    .with_help("the model was cut or edited wrongly; export it again"));
            };
            if self.graph.outputs.contains(&id) {
                bail!("output '{}' of the model is listed twice", output.name)
            }
            self.graph.outputs.push(id);
        }
        Ok(())
    }
}

/// Axes of an input; all lengths are positive, and fit memory together.
fn axes(input: &str, declared: &[proto::Dimension]) -> Result<Vec<Axis>> {
    let axis = |dim: &proto::Dimension| match &dim.value {
        // -1 is how some exporters write "any".
        Some(DimensionValue::Value(size)) if *size != -1 => Ok(*size),
        Some(DimensionValue::Param(symbol)) => Err(symbol.clone()),
        _ => Err(String::new()),
    };
    let axes: Vec<Result<i64, String>> = declared.iter().map(axis).collect();
    let dims: Vec<i64> = axes.iter().map(|axis| *axis.as_ref().unwrap_or(&1)).collect();
    let (sizes, _) = shape(&dims).map_err(|e| Error::new(format!("input '{input}': {}", e.what())).with_help(FIXED))?;
    if let Some(axis) = sizes.iter().position(|&d| d == 0) {
        let what = format!("dimension {axis} of input '{input}' is 0, its shape is {sizes:?}");
        return Err(Error::new(what).with_help(FIXED));
    }
    Ok(axes.into_iter().zip(sizes).map(|(axis, size)| axis.map_or_else(Axis::Free, |_| Axis::Fixed(size))).collect())
}

fn is_constant(node: &proto::Node) -> bool {
    node.op_type == "Constant" && is_onnx(&node.domain)
}

/// Returns a name by which the user can find the node.
fn title(node: &proto::Node) -> String {
    match (node.name.is_empty(), node.output.iter().find(|name| !name.is_empty())) {
        (false, _) => node.name.clone(),
        (true, Some(output)) => format!("(unnamed {} that makes '{output}')", node.op_type),
        (true, None) => format!("(unnamed {})", node.op_type),
    }
}

/// Returns the kind in the file, or that of the field that is set.
fn attribute_kind(proto: &proto::Attribute) -> i32 {
    if proto.kind != kind::UNDEFINED {
        return proto.kind;
    }
    let filled = [
        (proto.f.is_some(), kind::FLOAT),
        (proto.i.is_some(), kind::INT),
        (proto.s.is_some(), kind::STRING),
        (proto.t.is_some(), kind::TENSOR),
        (proto.g.is_some(), kind::GRAPH),
        (!proto.floats.is_empty(), kind::FLOATS),
        (!proto.strings.is_empty(), kind::STRINGS),
    ];
    filled.iter().find(|(is, _)| *is).map_or(kind::INTS, |&(_, kind)| kind)
}
