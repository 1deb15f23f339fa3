//! Graph during export: nodes are added and removed, and the stored order of values is determined.

use std::collections::{HashMap, VecDeque};

use crate::chip::QuantType;
use crate::espdl::{Attribute, DataType, Tensor};
use crate::graph::{NodeId, ValueId};
use crate::quant::{NodeConfig, Port};

/// Node of the file to be.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftNode {
    /// Name in the file; that of the planned layer unless the exporter has made the node.
    pub name: String,
    /// Operator type, by which the loader selects its module.
    pub op: String,
    /// Names and values in the order in which they are stored.
    pub attributes: Vec<(String, Attribute)>,
    /// `None` for an optional input that is left out.
    pub inputs: Vec<Option<ValueId>>,
    /// Values that it makes, by port.
    pub outputs: Vec<ValueId>,
    /// Ports of inputs and of outputs.
    pub ports: (Vec<Option<Port>>, Vec<Option<Port>>),
    /// Set if its table holds twice the operator's function.
    pub doubled: bool,
    /// Configuration as planned; `None` for nodes in float, and for nodes at which integers begin, change or end.
    pub config: Option<NodeConfig>,
}

/// Value of the file to be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DraftValue {
    /// Name in the file, by which nodes refer to it.
    pub name: String,
    /// Shape in ONNX's order of axes.
    pub shape: Vec<usize>,
    /// Type of its elements if they are not quantized integers.
    pub data_type: DataType,
    /// ONNX's axes in the order in which they are stored; `None` until it is determined.
    pub perm: Option<Vec<usize>>,
    /// Tensor of a weight or another constant; `None` for inputs and for values that nodes make.
    pub constant: Option<Tensor>,
    /// Node that makes it; `None` for inputs and constants.
    pub maker: Option<NodeId>,
    /// Readers, once for each input that reads it.
    pub readers: Vec<NodeId>,
}

/// Draft of a file. Ids stay valid: removed nodes leave an empty place, and inserted ones are appended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// Nodes by id; `None` for removed ones.
    pub nodes: Vec<Option<DraftNode>>,
    /// Values by id, including those without a reader.
    pub values: Vec<DraftValue>,
    /// Inputs of the model, in order.
    pub inputs: Vec<ValueId>,
    /// Outputs of the model, in order.
    pub outputs: Vec<ValueId>,
    /// Graph inputs at the scale of calibration, which saturates for none of the layers that read them.
    pub observed: HashMap<ValueId, Port>,
    /// Numbers of nodes and values created so far, for their names.
    pub made: (usize, usize),
    /// Nodes of the plan that others replace.
    pub replaced: Vec<DraftNode>,
    /// Differences from esp-ppq, one sentence each.
    pub differences: Vec<String>,
}

pub fn identity(rank: usize) -> Vec<usize> {
    (0..rank).collect()
}

/// Returns `list` in the order of `perm`; perms here are permutations of the list's indices.
pub fn permuted<T: Clone>(list: &[T], perm: &[usize]) -> Vec<T> {
    perm.iter().filter_map(|&i| list.get(i).cloned()).collect()
}

pub fn inverse(perm: &[usize]) -> Vec<usize> {
    (0..perm.len()).filter_map(|i| perm.iter().position(|&p| p == i)).collect()
}

impl DraftValue {
    /// Returns the perm of ONNX's order, for the value's rank.
    pub fn identity(&self) -> Vec<usize> {
        identity(self.shape.len())
    }

    /// Returns `true` if the value is not stored in ONNX's order.
    pub fn is_permuted(&self) -> bool {
        self.perm.as_ref().is_some_and(|p| *p != self.identity())
    }

    /// Returns the shape in the stored order of axes; ONNX's until that is determined.
    pub fn stored_shape(&self) -> Vec<usize> {
        self.perm.as_ref().map_or_else(|| self.shape.clone(), |perm| permuted(&self.shape, perm))
    }

    /// Returns `true` for a constant of one element.
    pub fn is_number(&self) -> bool {
        self.constant.as_ref().is_some_and(|constant| constant.count().is_ok_and(|count| count == 1))
    }

    /// Returns the elements of a constant list (axes, shapes).
    pub fn integers(&self) -> Option<Vec<i64>> {
        let constant = self.constant.as_ref()?;
        Some(constant.values()?.into_iter().map(|v| v as i64).collect())
    }
}

impl DraftNode {
    /// Returns an integer; `None` if the attribute is left out or has another type.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.attributes.iter().find(|(n, _)| n == name).and_then(|(_, value)| match value {
            Attribute::Int(v) => Some(*v),
            _ => None,
        })
    }

    /// Returns a text; `None` if the attribute is left out, has another type, or is not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).and_then(|(_, value)| match value {
            Attribute::Text(v) => std::str::from_utf8(v).ok(),
            _ => None,
        })
    }

    /// Returns a list of integers; empty if the attribute is left out or has another type.
    pub fn ints(&self, name: &str) -> Vec<i64> {
        self.attributes
            .iter()
            .find(|(n, _)| n == name)
            .and_then(|(_, value)| match value {
                Attribute::Ints(v) => Some(v.clone()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// Replaces an attribute in its place, or appends it.
    pub fn set(&mut self, name: &str, value: Attribute) {
        match self.attributes.iter_mut().find(|(n, _)| n == name) {
            Some(slot) => slot.1 = value,
            None => self.attributes.push((name.to_string(), value)),
        }
    }

    /// Returns the attribute that selects the kernel; `None` if it is not set or not known.
    pub fn quant_type(&self) -> Option<QuantType> {
        QuantType::from_name(self.text("quant_type")?)
    }

    /// Sets the attribute that selects the kernel.
    pub fn set_quant_type(&mut self, quant_type: QuantType) {
        self.set("quant_type", Attribute::Text(quant_type.name().as_bytes().to_vec()));
    }

    /// Returns the attribute of a node inserted before this one, which runs on the same integers; W8A16 is only for
    /// operators with weights.
    pub fn inserted_quant_type(&self) -> Vec<(String, Attribute)> {
        let quant_type = self.quant_type().map(|t| if t == QuantType::W8A16 { QuantType::S16 } else { t });
        let text = quant_type.map(|t| Attribute::Text(t.name().as_bytes().to_vec()));
        text.into_iter().map(|t| ("quant_type".to_string(), t)).collect()
    }

    /// Returns the order of axes of a Transpose.
    pub fn perm(&self) -> Vec<usize> {
        self.ints("perm").into_iter().filter_map(|i| usize::try_from(i).ok()).collect()
    }
}

/// Makes the attribute for an order of axes.
pub fn perm_attribute(perm: &[usize]) -> Attribute {
    // A rank fits any integer type.
    Attribute::Ints(perm.iter().map(|&i| i as i64).collect())
}

impl Draft {
    /// Returns a value; ids belong to this draft, which never shrinks.
    pub fn value(&self, id: ValueId) -> &DraftValue {
        &self.values[id.0]
    }

    /// Returns a value to change; ids belong to this draft, which never shrinks.
    pub fn value_mut(&mut self, id: ValueId) -> &mut DraftValue {
        &mut self.values[id.0]
    }

    /// Returns a node; `None` if it was removed.
    pub fn node(&self, id: NodeId) -> Option<&DraftNode> {
        self.nodes.get(id.0)?.as_ref()
    }

    /// Returns a node to change; `None` if it was removed.
    pub fn node_mut(&mut self, id: NodeId) -> Option<&mut DraftNode> {
        self.nodes.get_mut(id.0)?.as_mut()
    }

    /// Returns the value at an input.
    pub fn input(&self, node: NodeId, index: usize) -> Option<ValueId> {
        *self.node(node)?.inputs.get(index)?
    }

    /// Returns `true` if a node reads the value.
    pub fn is_read(&self, value: ValueId) -> bool {
        self.nodes.iter().flatten().any(|node| node.inputs.contains(&Some(value)))
    }

    /// Returns the readers of a node's outputs, once for each input that reads one.
    pub fn readers(&self, node: NodeId) -> Vec<NodeId> {
        let outputs = self.node(node).map(|n| n.outputs.as_slice()).unwrap_or_default();
        outputs.iter().flat_map(|&v| self.value(v).readers.iter().copied()).collect()
    }

    /// Sorts like esp-ppq, which is the order of the file: first nodes without producers, in their order; then, in
    /// turn, the nodes that depend on each.
    pub fn order(&self) -> Vec<NodeId> {
        let made = |id: &Option<ValueId>| id.is_some_and(|v| self.value(v).maker.is_some());
        let waits = |node: &DraftNode| node.inputs.iter().filter(|i| made(i)).count();
        let mut waiting: Vec<usize> = self.nodes.iter().map(|n| n.as_ref().map_or(usize::MAX, waits)).collect();
        let ready = |(i, &count): (usize, &usize)| (count == 0).then_some(NodeId(i));
        let mut queue: VecDeque<NodeId> = waiting.iter().enumerate().filter_map(ready).collect();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(id) = queue.pop_front() {
            order.push(id);
            for reader in self.readers(id) {
                let count = &mut waiting[reader.0]; // one for each node
                *count = count.saturating_sub(1);
                if *count == 0 {
                    queue.push_back(reader);
                }
            }
        }
        order
    }

    /// Inserts a node between an input and its value; the new value has `shape`, stored in this order.
    pub fn insert_before(&mut self, node: NodeId, index: usize, op: &str, shape: Vec<usize>) -> Option<NodeId> {
        let source = self.input(node, index)?;
        let data_type = self.value(source).data_type;
        let attributes = self.node(node)?.inserted_quant_type();
        let (id, made) = (NodeId(self.nodes.len()), ValueId(self.values.len()));
        let port = self.node(node)?.ports.0.get(index).cloned().flatten();
        let config = self.node(node)?.config.as_ref().and_then(|c| {
            let own = vec![*c.inputs.get(index)?];
            Some(NodeConfig { scheme: c.scheme, inputs: own.clone(), outputs: own })
        });
        let name = format!("PPQ_Operation_{}", self.made.0);
        self.nodes.push(Some(DraftNode {
            name,
            op: op.to_string(),
            attributes,
            inputs: vec![Some(source)],
            outputs: vec![made],
            ports: (vec![port.clone()], vec![port]),
            doubled: false,
            config,
        }));
        let perm = Some(identity(shape.len()));
        let name = format!("PPQ_Variable_{}", self.made.1);
        let (constant, readers) = (None, vec![node]);
        self.values.push(DraftValue { name, shape, data_type, perm, constant, maker: Some(id), readers });
        self.made = (self.made.0 + 1, self.made.1 + 1);
        if let Some(slot) = self.value_mut(source).readers.iter_mut().find(|r| **r == node) {
            *slot = id;
        }
        if let Some(input) = self.node_mut(node).and_then(|n| n.inputs.get_mut(index)) {
            *input = Some(made);
        }
        Some(id)
    }

    /// Inserts a node between an output of `node` and its readers: the new node makes that value, and `node` a new one of
    /// `shape`.
    pub fn insert_after(&mut self, node: NodeId, index: usize, op: &str, shape: Vec<usize>) -> Option<NodeId> {
        let output = *self.node(node)?.outputs.get(index)?;
        let (id, inner) = (NodeId(self.nodes.len()), ValueId(self.values.len()));
        let attributes = self.node(node)?.inserted_quant_type();
        let port = self.node(node)?.ports.1.get(index).cloned().flatten();
        let config = self.node(node)?.config.as_ref().and_then(|c| {
            let own = vec![*c.outputs.get(index)?];
            Some(NodeConfig { scheme: c.scheme, inputs: own.clone(), outputs: own })
        });
        let name = format!("PPQ_Operation_{}", self.made.0);
        let (inputs, outputs) = (vec![Some(inner)], vec![output]);
        let ports = (vec![port.clone()], vec![port]);
        self.nodes.push(Some(DraftNode {
            name,
            op: op.to_string(),
            attributes,
            inputs,
            outputs,
            ports,
            doubled: false,
            config,
        }));
        let name = format!("PPQ_Variable_{}", self.made.1);
        let data_type = self.value(output).data_type;
        let (maker, readers) = (Some(node), vec![id]);
        self.values.push(DraftValue { name, shape, data_type, perm: None, constant: None, maker, readers });
        self.made = (self.made.0 + 1, self.made.1 + 1);
        self.value_mut(output).maker = Some(id);
        *self.node_mut(node)?.outputs.get_mut(index)? = inner;
        Some(id)
    }

    /// Lets the layout determine the stored order of an inserted node's output.
    pub fn forget_perm(&mut self, node: NodeId) {
        if let Some(output) = self.node(node).and_then(|n| n.outputs.first().copied()) {
            self.value_mut(output).perm = None;
        }
    }

    /// Adds a constant with a generated name, to be read by `reader`.
    pub fn add_constant(&mut self, reader: NodeId, tensor: Tensor) -> ValueId {
        let name = format!("PPQ_Variable_{}", self.made.1);
        self.made.1 += 1;
        let (shape, data_type) = (tensor.dims.clone(), tensor.data_type);
        let constant = Some(Tensor { name: name.clone(), ..tensor });
        self.values.push(DraftValue {
            name,
            shape,
            data_type,
            perm: None,
            constant,
            maker: None,
            readers: vec![reader],
        });
        ValueId(self.values.len() - 1) // pushed just above
    }

    /// Adds a constant list of integers as the node's next input.
    pub fn append_list(&mut self, node: NodeId, list: &[i64]) {
        let tensor = Tensor {
            data_type: DataType::Int64,
            dims: vec![list.len()],
            exponents: vec![0],
            bytes: list.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..Tensor::default()
        };
        let value = self.add_constant(node, tensor);
        if let Some(node) = self.node_mut(node) {
            node.inputs.push(Some(value));
            node.ports.0.resize(node.inputs.len(), None);
        }
    }

    /// Adds a list of sizes, which count elements in memory and therefore fit.
    pub fn append_sizes(&mut self, node: NodeId, sizes: &[usize]) {
        self.append_list(node, &sizes.iter().map(|&size| size as i64).collect::<Vec<_>>());
    }

    /// Inserts a Transpose before every input of `node` that reads `value`: stored axes in the order of `perm`.
    pub fn transpose_before(&mut self, node: NodeId, value: ValueId, perm: &[usize]) {
        let shape = permuted(&self.value(value).stored_shape(), perm);
        let reads = |draft: &Draft| draft.node(node)?.inputs.iter().position(|i| *i == Some(value));
        while let Some(index) = reads(self) {
            let Some(made) = self.insert_before(node, index, "Transpose", shape.clone()) else { return };
            if let Some(made) = self.node_mut(made) {
                made.set("perm", perm_attribute(perm));
            }
        }
    }

    /// Gives a node the port and configuration of the output of a node that it will absorb.
    pub fn take_output(&mut self, id: NodeId, from: NodeId) {
        let Some((port, config)) = self.node(from).map(|n| (n.ports.1.clone(), n.config.clone())) else { return };
        let Some(node) = self.node_mut(id) else { return };
        node.ports.1 = port;
        if let (Some(own), Some(config)) = (&mut node.config, config) {
            own.outputs = config.outputs;
        }
    }

    /// Removes a node of one input and one output: its readers read its input.
    pub fn bypass(&mut self, id: NodeId) {
        let Some((input, output)) = self.take(id) else { return };
        let readers = std::mem::take(&mut self.value_mut(output).readers);
        self.value_mut(output).maker = None;
        self.value_mut(input).readers.retain(|r| *r != id);
        for &reader in &readers {
            let node = self.node_mut(reader);
            node.into_iter().flat_map(|n| &mut n.inputs).filter(|i| **i == Some(output)).for_each(|i| *i = Some(input));
        }
        self.value_mut(input).readers.extend(readers);
        self.outputs.iter_mut().filter(|o| **o == output).for_each(|o| *o = input);
    }

    /// Removes a node of one input and one output: the producer of its input makes its output.
    pub fn absorb(&mut self, id: NodeId) {
        let Some((input, output)) = self.take(id) else { return };
        let maker = self.value_mut(input).maker.take();
        self.value_mut(input).readers.clear();
        self.value_mut(output).maker = maker;
        if let Some(node) = maker.and_then(|m| self.node_mut(m)) {
            node.outputs.iter_mut().filter(|o| **o == input).for_each(|o| *o = output);
        }
    }

    fn take(&mut self, id: NodeId) -> Option<(ValueId, ValueId)> {
        let node = self.node(id)?;
        let ends = ((*node.inputs.first()?)?, *node.outputs.first()?);
        self.nodes[id.0] = None; // found just above
        Some(ends)
    }
}
