//! Grouped convolutions: ESP-DL 3.3.9 takes every group but 1 for depthwise (`dl_module_conv.hpp`).
//!
//! A Split, a Conv for one or several groups each, and a Concat give the same sums, for zeros stand where a Conv of several
//! groups has weights that no group has. Several filters a channel read each channel as often. What takes the least flash
//! is written.

use crate::espdl::{Attribute, Tensor};
use crate::graph::NodeId;
use crate::quant::Port;
use crate::text::units;

use super::draft::Draft;
use super::rewrite::{At, Rewrite};

/// Axis of the channels in ONNX's order.
const CHANNELS: usize = 1;

/// Flash that a Conv takes beside its weights, as files show it.
const NODE: usize = 1200;

pub fn ungroup(draft: &mut Draft) {
    for id in draft.order() {
        let Some(groups) = Groups::of(draft, id) else { continue };
        let plan = groups.cheapest();
        let Some(mut rewrite) = Rewrite::of(draft, id) else { continue };
        match plan {
            Plan::Parts(parts) => groups.in_parts(&mut rewrite, parts),
            Plan::Repeated => groups.repeated(&mut rewrite),
        };
    }
}

/// Form in which the groups are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    /// One Conv per group or several.
    Parts(usize),
    /// Depthwise, each channel read as often as it has filters.
    Repeated,
}

struct Groups {
    count: usize,
    filters: usize,
    /// Channels and places of a filter.
    channels: usize,
    taps: usize,
    weights: Tensor,
    bias: Option<Tensor>,
}

impl Groups {
    /// Groups that no kernel computes, with constant weights.
    fn of(draft: &Draft, id: NodeId) -> Option<Groups> {
        let node = draft.node(id).filter(|node| node.op == "Conv")?;
        let count = usize::try_from(node.int("group")?).ok().filter(|&count| count > 1)?;
        let weights = draft.value(draft.input(id, 1)?).constant.clone()?;
        let &[filters, channels, ref places @ ..] = weights.dims.as_slice() else { return None };
        let taps = places.iter().product();
        let bias = draft.input(id, 2).map(|value| draft.value(value).constant.clone());
        let is_depthwise = channels == 1 && filters == count;
        let is_whole = filters.is_multiple_of(count) && bias != Some(None);
        (!is_depthwise && is_whole).then(|| Groups { count, filters, channels, taps, bias: bias.flatten(), weights })
    }

    fn width(&self) -> usize {
        self.weights.data_type.width().unwrap_or(1)
    }

    /// Bytes of flash.
    fn cost(&self, plan: Plan) -> usize {
        match plan {
            // A Split and a Concat beside more than one.
            Plan::Parts(1) => self.filters * self.count * self.channels * self.taps * self.width() + NODE,
            Plan::Parts(parts) => {
                let channels = self.count / parts * self.channels;
                self.filters * channels * self.taps * self.width() + (parts + 2) * NODE
            }
            Plan::Repeated => self.weights.bytes.len() + self.filters * size_of::<i64>() + 2 * NODE,
        }
    }

    fn cheapest(&self) -> Plan {
        let parts = (1..=self.count).filter(|&parts| self.count.is_multiple_of(parts)).map(Plan::Parts);
        let repeated = (self.channels == 1).then_some(Plan::Repeated);
        parts.chain(repeated).min_by_key(|&plan| self.cost(plan)).unwrap_or(Plan::Parts(1))
    }

    fn in_parts(&self, rewrite: &mut Rewrite, parts: usize) -> Option<()> {
        let (input, output) = (rewrite.input(0)?, rewrite.output()?);
        let axis = rewrite.stored(CHANNELS);
        let mut shape = rewrite.shape(output.0);
        let one = self.filters / parts;
        shape[axis] = one; // an axis of the output
        let channels = self.count * self.channels / parts;
        let inputs = match parts {
            1 => vec![input],
            _ => rewrite.split(input, axis, &vec![channels; parts]),
        };
        let mut made = Vec::with_capacity(parts);
        for (part, input) in inputs.into_iter().enumerate() {
            let filters = part * one..(part + 1) * one;
            let output = match parts {
                1 => output.clone(),
                _ => (rewrite.value(output.0, shape.clone()), output.1.clone()),
            };
            self.convolve(rewrite, (input, output.clone()), self.dense(filters.clone(), channels), filters, 1);
            made.push(output);
        }
        let size = units::size(self.cost(Plan::Parts(parts)));
        if parts == 1 {
            rewrite.note(&format!(
                "its {} groups are one dense Conv with zeros, about {size} of flash, since ESP-DL takes groups for depthwise",
                self.count
            ));
        } else {
            rewrite.concat(&made, axis, Some(output.0));
            rewrite.note(&format!(
                "its {} groups are {parts} Convs between Split and Concat, about {size} of flash, since ESP-DL takes \
                 groups for depthwise",
                self.count
            ));
        }
        Some(())
    }

    fn repeated(&self, rewrite: &mut Rewrite) -> Option<()> {
        let (input, output) = (rewrite.input(0)?, rewrite.output()?);
        let each = self.filters / self.count;
        let places: Vec<usize> = (0..self.filters).map(|filter| filter / each).collect();
        let repeated = rewrite.gather(input, rewrite.stored(CHANNELS), &places);
        self.convolve(rewrite, (repeated, output), self.weights.clone(), 0..self.filters, self.filters);
        rewrite.note(&format!(
            "a Gather reads each channel {each} times, about {} of flash in all, since ESP-DL has one filter a channel",
            units::size(self.cost(Plan::Repeated))
        ));
        Some(())
    }

    /// A Conv with these of the filters.
    fn convolve(
        &self,
        rewrite: &mut Rewrite,
        (input, output): (At, At),
        weights: Tensor,
        filters: std::ops::Range<usize>,
        group: usize,
    ) {
        let own = |attribute: &&(String, Attribute)| attribute.0 != "group";
        let attributes: Vec<(String, Attribute)> = rewrite.node.attributes.iter().filter(own).cloned().collect();
        let ports = [1, 2].map(|index| rewrite.node.ports.0.get(index).cloned().flatten());
        let id = rewrite.add("Conv", &[input], &[output], &[]);
        if let Some(node) = rewrite.draft.node_mut(id) {
            node.attributes = attributes;
            node.set("group", Attribute::Int(group as i64)); // as many as filters at most
        }
        let [weight, bias] = ports.map(|port| port.map(|port| of_filters(&port, &filters)));
        rewrite.append(id, Tensor { exponents: exponents(&weights.exponents, &filters), ..weights }, weight);
        if let Some(source) = &self.bias {
            rewrite.append(id, some(source, &filters, filters.clone()), bias);
        }
    }

    /// Filters over all channels of their groups, with zeros where a filter has none.
    fn dense(&self, filters: std::ops::Range<usize>, channels: usize) -> Tensor {
        let size = self.channels * self.taps * self.width();
        let each = self.filters / self.count;
        let first = filters.start / each;
        let mut bytes = vec![0; filters.len() * channels * self.taps * self.width()];
        for (filter, row) in filters.clone().zip(bytes.chunks_mut(channels * self.taps * self.width())) {
            let at = (filter / each - first) * size;
            // In bounds: the filter's group is one of those that the row goes over.
            row[at..at + size].copy_from_slice(&self.weights.bytes[filter * size..(filter + 1) * size]);
        }
        let dims = [&[filters.len(), channels], &self.weights.dims[2..]].concat();
        Tensor { dims, bytes, ..self.weights.clone() }
    }
}

/// Returns the exponents of the filters; a single exponent is for all.
fn exponents(all: &[i64], filters: &std::ops::Range<usize>) -> Vec<i64> {
    if all.len() > 1 { all[filters.clone()].to_vec() } else { all.to_vec() }
}

fn of_filters(port: &Port, filters: &std::ops::Range<usize>) -> Port {
    Port { bits: port.bits, exponents: exponents(&port.exponents, filters) }
}

/// Elements of a list of one a filter.
fn some(source: &Tensor, filters: &std::ops::Range<usize>, range: std::ops::Range<usize>) -> Tensor {
    let width = source.data_type.width().unwrap_or(1);
    let bytes = source.bytes[range.start * width..range.end * width].to_vec();
    Tensor { dims: vec![range.len()], exponents: exponents(&source.exponents, filters), bytes, ..source.clone() }
}
