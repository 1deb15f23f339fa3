//! Einsum of two values as a MatMul, or a Mul where nothing is summed, between Transposes and Reshapes; of one value as
//! a ReduceSum and a Transpose.

use std::collections::HashMap;

use crate::graph::{Attribute, Attributes, DataType, Graph, Node, Tensor, ValueId};

/// ESP-DL's MatMul has so many axes at most.
const RANK: usize = 4;

pub fn as_matmul(graph: &mut Graph, node: &Node) -> Option<Vec<Node>> {
    let shapes: Vec<Vec<usize>> =
        node.inputs.iter().map(|input| graph.shape((*input)?).map(<[usize]>::to_vec)).collect::<Option<_>>()?;
    let ranks: Vec<usize> = shapes.iter().map(Vec::len).collect();
    let equation = Equation::parse(node.attributes.text("equation")?, &ranks)?;
    let sizes = sizes(&equation, &shapes)?;
    let data_type = graph.value(node.input(0)?).data_type;
    let mut parts = Parts { graph, node, sizes, data_type, made: Vec::new() };
    let result = match equation.inputs.as_slice() {
        [one] => parts.summed(parts.operand(0, one)?, &equation.output),
        [_, _] => parts.product(&equation)?,
        _ => return None,
    };
    parts.output(result, &equation.output)?;
    Some(parts.made)
}

struct Equation {
    inputs: Vec<Vec<char>>,
    output: Vec<char>,
}

impl Equation {
    /// Letters of each operand and of the result; an ellipsis has letters of its own. `None` where a letter stands twice in
    /// one of them.
    fn parse(text: &str, ranks: &[usize]) -> Option<Equation> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (left, right) = text.split_once("->").map_or((text.as_str(), None), |(left, right)| (left, Some(right)));
        let terms: Vec<&str> = left.split(',').collect();
        if terms.len() != ranks.len() {
            return None;
        }
        let hidden = |term: &str, rank: usize| rank.checked_sub(term.replace("...", "").chars().count());
        let wide =
            terms.iter().zip(ranks).filter(|(term, _)| term.contains("...")).map(|(term, &rank)| hidden(term, rank));
        let wide = wide.collect::<Option<Vec<usize>>>()?.into_iter().max().unwrap_or(0);
        // Greek letters, which no equation has; aligned at the last axis.
        let rest: Vec<char> = (0..wide).filter_map(|i| char::from_u32(0x3b1 + u32::try_from(i).ok()?)).collect();
        let expand = |term: &str, count: usize| term.replace("...", &rest[wide - count..].iter().collect::<String>());
        let mut inputs = Vec::new();
        for (term, &rank) in terms.iter().zip(ranks) {
            let letters: Vec<char> = expand(term, hidden(term, rank)?).chars().collect();
            inputs.push(Some(letters).filter(|letters| letters.len() == rank && is_set(letters))?);
        }
        let output: Vec<char> = match right {
            Some(right) => expand(right, wide).chars().collect(),
            None => implied(&inputs, &rest),
        };
        let is_known = output.iter().all(|letter| inputs.iter().any(|input| input.contains(letter)));
        (is_known && is_set(&output)).then_some(Equation { inputs, output })
    }
}

/// Without an arrow: the letters that stand once, in order, behind those of the ellipsis.
fn implied(inputs: &[Vec<char>], rest: &[char]) -> Vec<char> {
    let count = |letter: &char| inputs.iter().flatten().filter(|other| *other == letter).count();
    let mut once: Vec<char> = inputs.iter().flatten().copied().filter(|l| count(l) == 1 && !rest.contains(l)).collect();
    once.sort_unstable();
    rest.iter().copied().chain(once).collect()
}

fn is_set(letters: &[char]) -> bool {
    letters.iter().enumerate().all(|(at, letter)| letter.is_alphabetic() && !letters[..at].contains(letter))
}

/// Lengths of the letters; `None` where they contradict, or a 1 is to be repeated.
fn sizes(equation: &Equation, shapes: &[Vec<usize>]) -> Option<HashMap<char, usize>> {
    let mut sizes = HashMap::new();
    for (letters, shape) in equation.inputs.iter().zip(shapes) {
        for (letter, &size) in letters.iter().zip(shape) {
            if *sizes.entry(*letter).or_insert(size) != size {
                return None;
            }
        }
    }
    Some(sizes)
}

/// A value with a letter for each axis.
struct Operand {
    value: ValueId,
    letters: Vec<char>,
}

/// The nodes that replace one Einsum, as they are made.
struct Parts<'a> {
    graph: &'a mut Graph,
    node: &'a Node,
    sizes: HashMap<char, usize>,
    data_type: Option<DataType>,
    made: Vec<Node>,
}

impl Parts<'_> {
    fn operand(&self, port: usize, letters: &[char]) -> Option<Operand> {
        Some(Operand { value: self.node.input(port)?, letters: letters.to_vec() })
    }

    fn product(&mut self, equation: &Equation) -> Option<Operand> {
        let [a, b] = equation.inputs.as_slice() else { return None };
        // What only one operand has and the result has not is summed before.
        let kept = |own: &[char], other: &[char]| -> Vec<char> {
            own.iter().copied().filter(|l| other.contains(l) || equation.output.contains(l)).collect()
        };
        let (a, b) = (self.summed(self.operand(0, a)?, &kept(a, b)), self.summed(self.operand(1, b)?, &kept(b, a)));
        let in_output = |l: &char| equation.output.contains(l);
        let of = |letters: &[char], wanted: &dyn Fn(&char) -> bool| -> Vec<char> {
            letters.iter().copied().filter(|l| wanted(l)).collect()
        };
        // In the result's order, so that it needs no Transpose where it can do without.
        let batch = of(&equation.output, &|l| a.letters.contains(l) && b.letters.contains(l));
        let left = of(&equation.output, &|l| a.letters.contains(l) && !b.letters.contains(l));
        let right = of(&equation.output, &|l| b.letters.contains(l) && !a.letters.contains(l));
        let summed = of(&a.letters, &|l| b.letters.contains(l) && !in_output(l));
        let merged = |letters: &[char]| self.sizes_of(letters).iter().product::<usize>();
        let counts = [merged(&batch), merged(&left), merged(&summed), merged(&right)];
        if summed.is_empty() && left.is_empty() && right.is_empty() {
            let (a, b) = (self.ordered(a, &batch), self.ordered(b, &batch));
            let value = self.append("Mul", Attributes::default(), &[a, b], &self.sizes_of(&batch), "");
            return Some(Operand { value, letters: batch });
        }
        let a = self.ordered(a, &[batch.clone(), left.clone(), summed.clone()].concat());
        let b = self.ordered(b, &[batch.clone(), summed.clone(), right.clone()].concat());
        // Each group as one axis; the batch too where MatMul has too few axes for it.
        let is_plain = batch.len() + 2 <= RANK && [&left, &summed, &right].iter().all(|group| group.len() == 1);
        let letters = [batch.clone(), left, right].concat();
        if is_plain {
            let value = self.append("MatMul", Attributes::default(), &[a, b], &self.sizes_of(&letters), "");
            return Some(Operand { value, letters });
        }
        let [batch, left, summed, right] = counts;
        let a = self.reshaped(a, &[batch, left, summed], "_left");
        let b = self.reshaped(b, &[batch, summed, right], "_right");
        let product = self.append("MatMul", Attributes::default(), &[a, b], &[batch, left, right], "");
        let value = self.reshaped(product, &self.sizes_of(&letters), "_axes");
        Some(Operand { value, letters })
    }

    /// Sums over the axes that are not among these letters.
    fn summed(&mut self, operand: Operand, kept: &[char]) -> Operand {
        let gone = |(axis, letter): (usize, &char)| (!kept.contains(letter)).then_some(axis as i64);
        let axes: Vec<i64> = operand.letters.iter().enumerate().filter_map(gone).collect();
        if axes.is_empty() {
            return operand;
        }
        let letters: Vec<char> = operand.letters.into_iter().filter(|letter| kept.contains(letter)).collect();
        let mut attributes = Attributes::default();
        attributes.set("keepdims", Attribute::Int(0));
        let mut inputs = vec![operand.value];
        if self.graph.opset >= 13 {
            inputs.push(self.ints(&axes, "_axes"));
        } else {
            attributes.set("axes", Attribute::Ints(axes));
        }
        let value = self.append("ReduceSum", attributes, &inputs, &self.sizes_of(&letters), "_sum");
        Operand { value, letters }
    }

    /// The operand with its axes in this order.
    fn ordered(&mut self, operand: Operand, order: &[char]) -> ValueId {
        if operand.letters == order {
            return operand.value;
        }
        let place = |letter: &char| operand.letters.iter().position(|other| other == letter).map(|axis| axis as i64);
        let mut attributes = Attributes::default();
        attributes.set("perm", Attribute::Ints(order.iter().filter_map(place).collect()));
        self.append("Transpose", attributes, &[operand.value], &self.sizes_of(order), "_transpose")
    }

    fn reshaped(&mut self, value: ValueId, shape: &[usize], suffix: &str) -> ValueId {
        if self.graph.shape(value) == Some(shape) {
            return value;
        }
        let sizes: Vec<i64> = shape.iter().map(|&d| d as i64).collect();
        let sizes = self.ints(&sizes, &format!("{suffix}_shape"));
        self.append("Reshape", Attributes::default(), &[value, sizes], shape, &format!("{suffix}_reshape"))
    }

    /// Ends with a node that makes the Einsum's own output.
    fn output(&mut self, result: Operand, order: &[char]) -> Option<()> {
        let output = self.node.output(0)?;
        let value = self.ordered(result, order);
        let is_made = |node: &&mut Node| node.output(0) == Some(value);
        match self.made.iter_mut().find(is_made) {
            Some(last) => last.outputs = vec![Some(output)],
            None => {
                self.append("Identity", Attributes::default(), &[value], &[], "");
                self.made.last_mut()?.outputs = vec![Some(output)];
            }
        }
        Some(())
    }

    fn sizes_of(&self, letters: &[char]) -> Vec<usize> {
        letters.iter().filter_map(|letter| self.sizes.get(letter).copied()).collect()
    }

    fn ints(&mut self, values: &[i64], suffix: &str) -> ValueId {
        let name = format!("{}{suffix}", self.base());
        match Tensor::new(&[values.len()], values.to_vec()) {
            Ok(tensor) => self.graph.fresh_constant(&name, tensor),
            // A list is as long as its shape says.
            Err(_) => self.graph.fresh(&name),
        }
    }

    /// Adds a node, named after the Einsum; the one that multiplies has its name.
    fn append(
        &mut self,
        op: &str,
        attributes: Attributes,
        inputs: &[ValueId],
        shape: &[usize],
        suffix: &str,
    ) -> ValueId {
        let value = self.graph.fresh(&format!("{}{suffix}", self.base()));
        self.graph.values[value.0].shape = Some(shape.to_vec());
        self.graph.values[value.0].data_type = self.data_type;
        let name = match (self.node.name.as_str(), suffix) {
            ("", _) => String::new(),
            (name, "") => name.to_string(),
            (name, suffix) => format!("{name}{suffix}_{}", self.made.len()),
        };
        let inputs = inputs.iter().copied().map(Some).collect();
        let (op, domain) = (op.to_owned(), String::new());
        self.made.push(Node { name, op, domain, attributes, inputs, outputs: vec![Some(value)] });
        value
    }

    fn base(&self) -> String {
        self.node.output(0).map_or_else(String::new, |output| self.graph.value(output).name.clone())
    }
}
