//! The finished graph: what nothing reads is gone, and what is left has the exporter's names.

use super::ahead::Ahead;
use super::names::Names;
use super::nodes::Step;
use super::{Lowering, fuse, late};
use crate::Result;
use crate::graph::{Graph, Node, ValueId};
use crate::model::unique::distinct;

impl Lowering<'_> {
    pub fn finish(mut self, ahead: &Ahead) -> Result<Graph> {
        let outputs = self.outputs()?;
        self.drop_dead(&outputs);
        fuse::concats(&self.graph, &mut self.steps, &outputs);
        fuse::batch_norms(&mut self.graph, &mut self.steps, &outputs, &mut self.names, &mut self.late)?;
        self.name();
        self.graph.outputs = outputs;
        if let Some(keys) = self.program.keys() {
            for (key, output) in keys.iter().zip(self.graph.outputs.clone()) {
                let key = distinct(&mut self.names, key);
                self.graph.values[output.0].name = key;
            }
        }
        late::copy(&mut self.graph, &self.late, ahead)?;
        self.graph.drop_unused_values();
        Ok(self.graph)
    }

    /// Returns the values of the outputs, each made by a node of its own.
    fn outputs(&mut self) -> Result<Vec<ValueId>> {
        self.stack = "";
        let program = self.program;
        let mut outputs = Vec::new();
        for name in &program.outputs {
            let mut value = self.value_of(name)?;
            if outputs.contains(&value) || self.graph.inputs.contains(&value) || self.tensor(value).is_some() {
                value = self.node("Identity", &[value], []);
            }
            outputs.push(value);
        }
        Ok(outputs)
    }

    fn drop_dead(&mut self, outputs: &[ValueId]) {
        let mut read = self.graph.mask(outputs.iter().copied());
        let mut alive: Vec<bool> = Vec::with_capacity(self.steps.len());
        for step in self.steps.iter().rev() {
            let is_alive = match step {
                Step::Node { node, .. } => node.outputs.iter().flatten().any(|output| read[output.0]),
                Step::Used { .. } => true,
            };
            if let (true, Step::Node { node, .. }) = (is_alive, step) {
                node.inputs.iter().flatten().for_each(|input| read[input.0] = true);
            }
            alive.push(is_alive);
        }
        let mut alive = alive.into_iter().rev();
        self.steps.retain(|_| alive.next().unwrap_or(true));
    }

    /// Names nodes in their order, and values after them.
    fn name(&mut self) {
        let mut names = Names::of(std::mem::take(&mut self.modules));
        let mut folded = 0;
        for step in std::mem::take(&mut self.steps) {
            match step {
                Step::Used { op, stack } => drop(names.next(stack, op)),
                Step::Node { mut node, stack, is_folded } => {
                    node.name = match is_folded {
                        true => {
                            folded += 1;
                            format!("onnx::{}_{folded}", node.op)
                        }
                        false => names.next(stack, &node.op),
                    };
                    self.name_values(&node);
                    self.graph.nodes.push(node);
                }
            }
        }
    }

    fn name_values(&mut self, node: &Node) {
        for (port, value) in node.outputs.iter().enumerate() {
            if let Some(value) = value {
                let name = distinct(&mut self.names, &format!("{}_output_{port}", node.name));
                self.graph.values[value.0].name = name;
            }
        }
    }
}
