//! Limits of Conv, pooling and Resize.

use crate::chip::{Checked, Effect, Limit, NodeView};

pub static GROUPS: Limit = Limit {
    name: "grouped-convolution",
    operators: &["Conv", "ConvTranspose"],
    effect: Effect::SilentlyWrong,
    check: groups,
    help: "the runtime has group 1 and depthwise: split the convolution, or make it dense",
    source: "dl_module_conv.hpp",
};

pub static DILATED_POOLING: Limit = Limit {
    name: "dilated-pooling",
    operators: &["AveragePool", "MaxPool"],
    effect: Effect::SilentlyWrong,
    check: dilated,
    help: "pool without dilation",
    source: "dl_module_max_pool.hpp",
};

pub static POOLED_INDICES: Limit = Limit {
    name: "pooling-indices",
    operators: &["MaxPool"],
    effect: Effect::NotLoaded,
    check: |node| {
        Ok(node.has_output(1).then(|| "MaxPool with the output Indices, which the runtime does not write".to_string()))
    },
    help: "leave the indices out; to enlarge an image again, use Resize or ConvTranspose",
    source: "dl_module_max_pool.hpp",
};

pub static AVERAGE_OF_PADS: Limit = Limit {
    name: "average-of-pads",
    operators: &["AveragePool"],
    effect: Effect::SilentlyWrong,
    check: average_of_pads,
    help: "set count_include_pad = 1 and train with it, or pool without pads",
    source: "dl_base_avg_pool2d.cpp",
};

/// A ConvTranspose that simplification could not write as InsertZeros and Conv.
pub static CONV_TRANSPOSE: Limit = Limit {
    name: "transposed-convolution",
    operators: &["ConvTranspose"],
    effect: Effect::NotLoaded,
    check: conv_transpose,
    help: "pad less and cut the rest off with a Slice; weights have to be constant",
    source: "dl_module_creator.hpp",
};

pub static RESIZE_MODE: Limit = Limit {
    name: "resize-mode",
    operators: &["Resize"],
    effect: Effect::SilentlyWrong,
    check: |node| {
        let mode = node.text("mode", "nearest")?;
        Ok((!matches!(mode, "nearest" | "linear")).then(|| format!("Resize with mode {mode:?}")))
    },
    help: "the runtime has nearest and linear",
    source: "dl_base_resize.cpp",
};

pub static RESIZE_ANTIALIAS: Limit = Limit {
    name: "resize-antialias",
    operators: &["Resize"],
    effect: Effect::SilentlyWrong,
    check: |node| Ok((node.int("antialias", 0)? != 0).then(|| "Resize with antialias".to_string())),
    help: "the runtime has none: export without antialias",
    source: "dl_module_resize.hpp",
};

pub static RESIZE_COORDINATES: Limit = Limit {
    name: "resize-coordinates",
    operators: &["Resize"],
    effect: Effect::SilentlyWrong,
    check: coordinates,
    help: "export with half_pixel (align_corners=False) or align_corners",
    source: "dl_module_resize.hpp",
};

fn groups(node: &dyn NodeView) -> Checked {
    let group = node.int("group", 1)?;
    if group == 1 {
        return Ok(None);
    }
    let weight = node.shape(1).unwrap_or_default();
    let (filters, channels) = match (node.op(), weight.as_slice()) {
        ("Conv", &[filters, channels, ..]) => (filters, channels),
        // Input channels first, then the outputs of one group.
        (_, &[inputs, per_group, ..]) => (inputs, per_group),
        _ => return Ok(None),
    };
    let depthwise = channels == 1 && i64::try_from(filters) == Ok(group);
    Ok((!depthwise).then(|| {
        format!("{filters} filters of {channels} channels in {group} groups would run as depthwise, and wrong")
    }))
}

fn dilated(node: &dyn NodeView) -> Checked {
    let dilations = node.ints("dilations")?;
    let dilated = dilations.iter().any(|&d| d != 1);
    Ok(dilated.then(|| format!("{} with dilations {dilations:?}, which the runtime ignores", node.op())))
}

/// The kernels divide by the whole window everywhere.
fn average_of_pads(node: &dyn NodeView) -> Checked {
    let pads = node.ints("pads")?;
    let partial = node.int("count_include_pad", 0)? == 0;
    Ok((partial && pads.iter().any(|&p| p != 0)).then(|| {
        format!("with pads {pads:?} its windows at the edge are divided by their whole size, not by what they cover")
    }))
}

fn conv_transpose(node: &dyn NodeView) -> Checked {
    let reason = match node.is_constant(1) {
        true => format!("its pads {:?} reach beyond its filter", node.ints("pads")?),
        false => "its weights are computed".to_string(),
    };
    Ok(Some(format!("ConvTranspose runs as InsertZeros and Conv, and cannot here: {reason}")))
}

fn coordinates(node: &dyn NodeView) -> Checked {
    let mode = node.text("coordinate_transformation_mode", "half_pixel")?;
    let known = matches!(mode, "half_pixel" | "align_corners" | "pytorch_half_pixel");
    Ok((node.text("mode", "nearest")? == "linear" && !known)
        .then(|| format!("linear Resize with coordinates {mode:?} would run as half_pixel")))
}
