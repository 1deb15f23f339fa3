//! Text of a first espq.toml.

use crate::chip::Target;
use crate::project::{Initial, initial};
use crate::samples::InputSpec;

use super::{Chosen, Normalization};

/// Values of a first configuration.
pub struct First<'a> {
    /// Path of the model, from the configuration's folder on.
    pub model: &'a str,
    pub target: Target,
    pub inputs: &'a [InputSpec],
    /// Name of a layer, for an example.
    pub layer: Option<&'a str>,
    /// Set if the model has trained scales.
    pub has_scales: bool,
    /// Path of the samples, if there are any.
    pub data: Option<&'a str>,
    /// Number of samples, if they are fewer than the default.
    pub samples: Option<usize>,
    /// Normalization of images, if the samples are images.
    pub normalization: Option<Chosen>,
}

pub fn configuration(first: &First) -> String {
    let &First { model, target, inputs, layer, .. } = first;
    let plain = |key: &str, value| Initial { key: key.to_string(), comment: None, value, is_example: false };
    // A name of several lines would end the comment that it is an example in.
    let layer = quoted(layer.filter(|layer| !layer.contains(char::is_control)).unwrap_or("/features/0/Conv"));
    let mut values = vec![
        plain("model.path", quoted(model)),
        plain("model.target", quoted(target.name())),
        match first.data {
            Some(path) => Initial { comment: Some(described(inputs)), value: quoted(path), ..data(inputs) },
            None => data(inputs),
        },
        example(&format!("precision.{layer}"), "\"int16\"".to_string()),
    ];
    if first.has_scales {
        let comment =
            "The model has trained scales, and each layer has the precision of its own. This replaces them all:";
        let comment = Some(comment.to_string());
        values.push(Initial { comment, ..example("model.precision", "\"int8\"".to_string()) });
    }
    values.extend(input_shape(inputs));
    values.extend(first.samples.map(|samples| plain("calibration.samples", samples.to_string())));
    match first.normalization {
        Some(chosen) => values.extend(chosen.values(inputs)),
        None => values.extend(image(inputs)),
    }
    initial(&values)
}

fn example(key: &str, value: String) -> Initial {
    Initial { key: key.to_string(), comment: None, value, is_example: true }
}

/// An example for a model that leaves dimensions free.
fn input_shape(inputs: &[InputSpec]) -> Option<Initial> {
    const LENGTH: usize = 224;
    let shape = |input: &InputSpec| {
        let length = |(axis, &length): (usize, &usize)| match input.free.iter().any(|(free, _)| *free == axis) {
            true => LENGTH,
            false => length,
        };
        input.shape.iter().enumerate().map(length).collect::<Vec<usize>>()
    };
    if inputs.iter().all(|input| input.free.is_empty()) {
        return None;
    }
    let value = match inputs {
        [input] => format!("{:?}", shape(input)),
        _ => {
            let each: Vec<String> = inputs.iter().map(|i| format!("{} = {:?}", quoted(&i.name), shape(i))).collect();
            format!("{{ {} }}", each.join(", "))
        }
    };
    Some(example("model.input-shape", value))
}

fn data(inputs: &[InputSpec]) -> Initial {
    let lines: String = inputs.iter().map(|i| format!("  {}\n", describe(i))).collect();
    let (comment, value) = match inputs {
        [input] => (
            format!(
                "Typical samples, preprocessed as in training, for the model's input:\n{lines}\
                 A folder with one .npy file each, or one .npy or .npz file of {} for N samples{}.",
                batch(&input.describe()),
                if pixels(&input.shape).is_some() { ", or with images" } else { "" },
            ),
            "\"calib\"",
        ),
        _ => {
            let each: Vec<String> = inputs.iter().map(|i| format!("{} = \"...\"", quoted(&i.name))).collect();
            let comment = format!(
                "Typical samples, preprocessed as in training, for the model's inputs:\n{lines}\
                 One .npz file with an array for each, the sample as first axis; or separate files:\n\
                 data = {{ {} }}",
                each.join(", ")
            );
            (comment, "\"calib.npz\"")
        }
    };
    let comment = Some(comment);
    Initial { key: "calibration.data".to_string(), comment, value: value.to_string(), is_example: false }
}

/// "input.1   1x3x224x224 float32"
fn describe(input: &InputSpec) -> String {
    format!("{}  {}", input.name, input.describe())
}

/// "Nx3x224x224", from "1x3x224x224 float32"
fn batch(input: &str) -> String {
    let sides = input.split(' ').next().unwrap_or_default();
    let rest = match sides.strip_prefix('1') {
        Some(rest) if rest.is_empty() || rest.starts_with('x') => rest.to_string(),
        _ => format!("x{sides}"),
    };
    format!("N{rest}")
}

/// Returns channels, height and width if a shape looks like that of an image.
pub fn pixels(shape: &[usize]) -> Option<[usize; 3]> {
    let likely = |c: usize, h: usize, w: usize| matches!(c, 1 | 3) && h >= 8 && w >= 8;
    match *shape {
        [1, c, h, w] if likely(c, h, w) => Some([c, h, w]),
        [1, h, w, c] if likely(c, h, w) => Some([c, h, w]),
        _ => None,
    }
}

fn image(inputs: &[InputSpec]) -> Vec<Initial> {
    let Some([channels, height, width]) = inputs.iter().find_map(|i| pixels(&i.shape)) else { return Vec::new() };
    let (mean, std) = match channels {
        1 => ("0.5", "0.5"),
        _ => ("[0.485, 0.456, 0.406]", "[0.229, 0.224, 0.225]"),
    };
    vec![
        example("calibration.image.size", format!("[{height}, {width}]")),
        example("calibration.image.mean", mean.to_string()),
        example("calibration.image.std", std.to_string()),
    ]
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Comment of samples that are there.
fn described(inputs: &[InputSpec]) -> String {
    let lines: String = inputs.iter().map(|i| format!("  {}\n", describe(i))).collect();
    let noun = if inputs.len() == 1 { "input" } else { "inputs" };
    format!("Typical samples, preprocessed as in training, for the model's {noun}:\n{}", lines.trim_end())
}

impl Chosen {
    /// Lines of `[calibration.image]`, the first with a comment that says where they come from.
    fn values(self, inputs: &[InputSpec]) -> Vec<Initial> {
        let words = self.normalization.words();
        let comment = match self.is_assumed {
            true => format!("Assumed by `espq init`: {words}. Check this with the training script."),
            false => format!("As chosen in `espq init`: {words}."),
        };
        let mut values = self.normalization.values(inputs);
        if let Some(first) = values.first_mut() {
            first.comment = Some(comment);
        }
        values
    }
}

impl Normalization {
    /// Lines of `[calibration.image]`.
    fn values(self, inputs: &[InputSpec]) -> Vec<Initial> {
        let channels = inputs.iter().find_map(|input| pixels(&input.shape)).map_or(3, |[channels, ..]| channels);
        let line = |key: &str, value: &str| Initial {
            key: format!("calibration.image.{key}"),
            comment: None,
            value: value.to_string(),
            is_example: false,
        };
        match self {
            Normalization::Unit => vec![line("mean", "0"), line("std", "1")],
            Normalization::Signed => vec![line("mean", "0.5"), line("std", "0.5")],
            Normalization::Imagenet if channels == 1 => vec![line("mean", "0.449"), line("std", "0.226")],
            Normalization::Imagenet => {
                vec![line("mean", "[0.485, 0.456, 0.406]"), line("std", "[0.229, 0.224, 0.225]")]
            }
            Normalization::Raw => vec![line("scale", "1"), line("mean", "0"), line("std", "1")],
        }
    }
}
