//! S008

use crate::graph::Graph;
use crate::lint::rule::rule;
use crate::lint::{Facts, Finding, place};
use crate::order;
use crate::text::units::number;

rule! {
    /// ## What it does
    /// Reports samples of images that are whole numbers from 0 to 255, where the first layer's weights are of a size for
    /// prepared ones.
    ///
    /// ## Why is this bad?
    /// Networks are seldom trained with raw pixels. Trained with values from 0 to 1, a network gets 255 times as much: its
    /// activations saturate everywhere, and scales and figures are wrong without an error.
    ///
    /// ## Example
    /// ```python
    /// np.save("calib.npy", np.stack([np.asarray(Image.open(f)) for f in files]))
    /// ```
    ///
    /// ## What to do
    /// Save what the network sees in training, after its transforms. If it was trained with raw pixels, put
    /// `ignore = ["S008"]` in `[lint]`.
    S008, "raw-pixels", Warning, Files
}

/// Spread of the first layer's outputs, by samples and weights, above which the network was not trained with such
/// samples. Trained networks have 0.3 to 6; 255 times as much is above 60.
const MOST: f64 = 25.0;

fn check(facts: &Facts, findings: &mut Vec<Finding>) {
    let (Some(seen), Some(model)) = (facts.sample_facts, facts.model()) else { return };
    for input in seen.inputs.iter().filter(|input| input.is_picture && input.is_whole) {
        if input.min < 0.0 || input.max > 255.0 || input.max < 32.0 {
            continue;
        }
        let Some(size) = first_weights(&model.graph, &input.name).filter(|size| size * input.std > MOST) else {
            continue;
        };
        let (min, max, spread) = (number(input.min, 4), number(input.max, 4), number(size * input.std, 2));
        let message = format!(
            "samples of input `{}` are whole numbers from {min} to {max}, like raw pixels, which the first layer turns into \
             values of {spread}",
            input.name
        );
        let help = "save them as the network sees them in training: pixel / 255, or with mean and deviation";
        findings.push(Finding::new(&RULE, place::of_key(facts.project, "calibration.data"), message).with_help(help));
    }
}

/// Returns the norm of the median filter of the Conv that reads the input; `None` if another operator reads it.
fn first_weights(graph: &Graph, input: &str) -> Option<f64> {
    let value = graph.inputs.iter().copied().find(|&value| graph.value(value).name == input)?;
    let conv = graph.nodes.iter().find(|node| node.inputs.first() == Some(&Some(value)))?;
    let weights = graph.value((*conv.inputs.get(1)?)?).constant.as_ref().filter(|_| conv.op == "Conv")?;
    let (elements, filters) = (weights.slice::<f32>()?, *weights.shape().first()?);
    let size = elements.len().checked_div(filters).filter(|&size| size > 0)?;
    let norm = |filter: &[f32]| filter.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>().sqrt();
    let mut norms: Vec<f64> = elements.chunks(size).map(norm).collect();
    order::sort_by(&mut norms, f64::total_cmp);
    norms.get(norms.len() / 2).copied()
}
