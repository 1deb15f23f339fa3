//! Biases that exceed the chip's integers: their steps are those of input times weight, whatever the biases are.
//!
//! Where the input or the weights are small, such a step is too fine for a large bias, which esp-ppq cuts off
//! (`PassiveParameterQuantizePass` in `optim/parameters.py`): the channel is then wrong by a constant. Coarser weights, whose
//! share of the sum is small beside such a bias, lose less.

use crate::graph::NodeId;
use crate::note::Note;
use crate::ops::{self, Weights};
use crate::order;
use crate::quant::config::{ConfigId, Configs};
use crate::quant::plan::Plan;

/// Mean square of a layer's input as a share of its range's square: that of values spread evenly.
const INPUT_POWER: f64 = 1.0 / 3.0;

/// Widths of the integers of a layer, and the range of its input.
struct Widths {
    input_exponent: i32,
    input_range: f64,
    weight_bits: u32,
    bias_bits: u32,
}

/// Filters that share an exponent, with their biases by output channel.
#[derive(Default)]
struct Share {
    exponent: i32,
    weights: Vec<f64>,
    biases: Vec<(usize, f64)>,
}

/// Gives the weights of a layer coarser steps where that loses less than cutting biases, and notes both.
pub(super) fn keep(plan: &mut Plan, node: NodeId, ports: [ConfigId; 3]) {
    let [_, weight, _] = ports;
    let Some(widths) = Widths::of(&plan.configs, ports).filter(|widths| cuts(plan, node, weight, widths)) else {
        return;
    };
    let Some(shares) = shares(plan, node, weight) else { return };
    // Weights that another layer reads, too, stay as they are.
    let is_own = plan.configs.root(weight) == weight;
    let coarser: Vec<i32> = shares.iter().map(|share| if is_own { share.best(&widths) } else { 0 }).collect();
    let exponents = shares.iter().zip(&coarser).map(|(share, coarser)| share.exponent + coarser).collect();
    plan.configs.rescale(weight, exponents);
    note(plan, node, &widths, &shares, &coarser);
}

/// Returns `true` if any bias is cut; of most layers, none is.
fn cuts(plan: &Plan, node: NodeId, weight: ConfigId, widths: &Widths) -> bool {
    let bias = plan.graph.constant(plan.graph.node(node), 2).and_then(|bias| bias.slice::<f32>());
    let exponents = plan.configs.scale(weight).unwrap_or_default();
    let mut biases = bias.unwrap_or_default().iter().zip(exponents.iter().cycle());
    biases.any(|(bias, &exponent)| f64::from(bias.abs()) > widths.most(exponent))
}

impl Widths {
    fn of(configs: &Configs, [input, weight, bias]: [ConfigId; 3]) -> Option<Widths> {
        let &[input_exponent] = configs.scale(input)? else { return None };
        let input_range = exp2(input_exponent + configs[input].bits as i32 - 1);
        let [weight_bits, bias_bits] = [weight, bias].map(|id| configs[id].bits);
        Some(Widths { input_exponent, input_range, weight_bits, bias_bits })
    }

    /// Largest bias of filters with this exponent.
    fn most(&self, exponent: i32) -> f64 {
        (exp2(self.bias_bits as i32 - 1) - 1.0) * exp2(self.input_exponent + exponent)
    }
}

impl Share {
    /// Output channels whose biases are cut, with the biases.
    fn cut(&self, widths: &Widths, coarser: i32) -> impl Iterator<Item = (usize, f64)> {
        let most = widths.most(self.exponent + coarser);
        self.biases.iter().copied().filter(move |(_, bias)| bias.abs() > most)
    }

    /// Power of two by which the steps are coarser where least is lost, in the power of the layer's output.
    fn best(&self, widths: &Widths) -> i32 {
        if self.cut(widths, 0).next().is_none() {
            return 0;
        }
        let lost = |coarser: i32| {
            let most = widths.most(self.exponent + coarser);
            let cut: f64 = self.cut(widths, coarser).map(|(_, bias)| (bias.abs() - most).powi(2)).sum();
            let (step, half) = (exp2(self.exponent + coarser), exp2(widths.weight_bits as i32 - 1));
            let rounded = |weight: f64| (weight / step).round_ties_even().clamp(-half, half - 1.0) * step;
            let noise: f64 = self.weights.iter().map(|&weight| (weight - rounded(weight)).powi(2)).sum();
            cut + noise * INPUT_POWER * widths.input_range.powi(2)
        };
        // Beyond the width of the weights they are all 0; the bias may still be cut.
        let all = (0..=widths.bias_bits as i32).map(|coarser| (coarser, lost(coarser)));
        all.fold((0, f64::INFINITY), |best, one| if one.1 < best.1 { one } else { best }).0
    }
}

/// Returns filters and biases by exponent; `None` for a layer without constant weights and bias.
fn shares(plan: &Plan, node: NodeId, weight: ConfigId) -> Option<Vec<Share>> {
    let of = plan.graph.node(node);
    let Weights::ByChannel(axis) = ops::find(&of.op)?.treatment.weights else { return None };
    let [weights, bias] = [1, 2].map(|port| plan.graph.constant(of, port));
    let (weights, bias) = (weights?, bias?);
    let (shape, axis) = (weights.shape(), axis(&of.attributes));
    let exponents = plan.configs.scale(weight)?;
    let mut shares: Vec<Share> = exponents.iter().map(|&exponent| Share { exponent, ..Share::default() }).collect();
    let inner: usize = shape.get(axis + 1..)?.iter().product();
    for (block, values) in weights.slice::<f32>()?.chunks(inner.max(1)).enumerate() {
        let share = block % shape.get(axis)? % shares.len();
        shares[share].weights.extend(values.iter().map(|&value| f64::from(value)));
    }
    let count = shares.len();
    for (channel, &value) in bias.slice::<f32>()?.iter().enumerate() {
        shares[channel % count].biases.push((channel, f64::from(value)));
    }
    Some(shares)
}

fn note(plan: &mut Plan, node: NodeId, widths: &Widths, shares: &[Share], coarser: &[i32]) {
    let before: usize = shares.iter().map(|share| share.cut(widths, 0).count()).sum();
    let bits = widths.bias_bits;
    let subject = if before == 1 { "1 bias exceeds".to_string() } else { format!("{before} biases exceed") };
    let mut text = format!("{subject} {bits} bits in steps of input times weight");
    if let Some(most) = coarser.iter().max().filter(|&&most| most > 0) {
        let times = 1u64 << most;
        text += &format!(
            ", where esp-ppq cuts off; these channels' weights get steps up to {times} times as large instead"
        );
    }
    let cut = shares.iter().zip(coarser).flat_map(|(share, &coarser)| share.cut(widths, coarser));
    let mut cut: Vec<(usize, f64)> = cut.collect();
    order::sort_by_key(&mut cut, |&(channel, _)| channel);
    if let Some(&(channel, bias)) = cut.first() {
        let others = if cut.len() > 1 { format!(" and {} more", cut.len() - 1) } else { String::new() };
        let help = if bits == 20 { "give the layer int16" } else { "scale its input or weights up in the model" };
        text += &format!(
            "; the bias {bias:.4} of channel {channel}{others} is still cut off, so the output is wrong by a constant: {help}"
        );
    }
    plan.notes.push(Note::of_layer(&plan.graph.node(node).name, text));
}

fn exp2(exponent: i32) -> f64 {
    f64::from(exponent).exp2()
}
