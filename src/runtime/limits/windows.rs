//! Limits of Conv and pooling.

use crate::chip::{Checked, Effect, Limit, NodeView, Unreadable};

/// The kernels run over places and channels, never over the batch.
pub static BATCH: Limit = Limit {
    name: "batch",
    operators: &["Conv", "ConvTranspose", "AveragePool", "MaxPool", "GlobalAveragePool", "Resize"],
    effect: Effect::SilentlyWrong,
    check: |node| {
        let batch = node.shape(0).and_then(|shape| shape.first().copied()).filter(|&batch| batch > 1);
        Ok(batch.map(|n| format!("a batch of {n}, of which the chip computes the first and leaves the rest as it was")))
    },
    help: "give the layer a batch of 1: split the batch, run the layer on each part and join the results with Concat",
    source: "dl_base_conv2d.hpp, dl_base_pool2d.hpp, dl_base_resize.hpp",
};

pub static GROUPS: Limit = Limit {
    name: "grouped-convolution",
    operators: &["Conv", "ConvTranspose"],
    effect: Effect::SilentlyWrong,
    check: groups,
    help: "split the channels with Split, convolve each group and join the results with Concat, or train with groups=1 \
           (dense) or one group a channel (depthwise)",
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

/// Sizes are rounded down, whatever the attribute says.
pub static CEIL_MODE: Limit = Limit {
    name: "pooling-ceil-mode",
    operators: &["AveragePool", "MaxPool"],
    effect: Effect::SilentlyWrong,
    check: ceil_mode,
    help: "pool with ceil_mode = 0, or make the input a multiple of the stride with a Pad before it",
    source: "dl_module_average_pool.hpp, dl_module_max_pool.hpp, get_output_shape",
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
    if node.int("count_include_pad", 0)? != 0 {
        return Ok(None);
    }
    let pads = match node.text("auto_pad", "NOTSET")? {
        "NOTSET" | "" => format!("pads {:?}", node.ints("pads")?),
        mode => format!("auto_pad {mode}"),
    };
    Ok(is_padded(node)?.then(|| {
        format!("with {pads} its windows at the edge are divided by their whole size, not by what they cover")
    }))
}

/// A window reaches beyond the input; `auto_pad` pads as much as keeps `ceil(size / stride)` windows.
fn is_padded(node: &dyn NodeView) -> Result<bool, Unreadable> {
    match node.text("auto_pad", "NOTSET")? {
        "NOTSET" | "" => return Ok(node.ints("pads")?.iter().any(|&pad| pad != 0)),
        "VALID" => return Ok(false),
        _ => {}
    }
    let places = node.shape(0).unwrap_or_default();
    let (kernel, strides) = (node.ints("kernel_shape")?, node.ints("strides")?);
    let reaches_beyond = |(axis, (&size, &kernel)): (usize, (&usize, &i64))| {
        let (Ok(size), stride) = (i64::try_from(size), strides.get(axis).copied().unwrap_or(1).max(1)) else {
            return false;
        };
        let windows = size / stride + i64::from(size % stride > 0);
        (windows - 1).saturating_mul(stride).saturating_add(kernel) > size
    };
    Ok(places.iter().skip(2).zip(kernel).enumerate().any(reaches_beyond))
}

fn ceil_mode(node: &dyn NodeView) -> Checked {
    // The exporter writes pads at the end in the place of MaxPool's ceil_mode.
    let is_rewritten = node.op() == "MaxPool" && !node.is_written();
    if node.int("ceil_mode", 0)? == 0 || is_rewritten {
        return Ok(None);
    }
    let (Some(from), Some(to)) = (node.shape(0), node.output_shape(0)) else { return Ok(None) };
    let (strides, pads, dilations) = (node.ints("strides")?, node.ints("pads")?, node.ints("dilations")?);
    let kernel = node.ints("kernel_shape")?;
    for (axis, ((&from, &to), &kernel)) in from.iter().zip(&to).skip(2).zip(kernel).enumerate() {
        let at = |list: &[i64], index: usize, default: i64| list.get(index).copied().unwrap_or(default);
        let (stride, dilation) = (at(strides, axis, 1).max(1), at(dilations, axis, 1));
        let pads = at(pads, axis, 0).saturating_add(at(pads, axis + node.ints("kernel_shape")?.len(), 0));
        let window = kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
        let (from, to) = (i64::try_from(from).unwrap_or(i64::MAX), i64::try_from(to).unwrap_or(i64::MAX));
        let floored = from.saturating_add(pads).saturating_sub(window).div_euclid(stride).saturating_add(1);
        if floored != to {
            return Ok(Some(format!(
                "with ceil_mode, {from} places become {to}, but the chip rounds down to {floored}"
            )));
        }
    }
    Ok(None)
}

fn conv_transpose(node: &dyn NodeView) -> Checked {
    let reason = match node.is_constant(1) {
        true => format!("its pads {:?} reach beyond its filter", node.ints("pads")?),
        false => "its weights are computed".to_string(),
    };
    Ok(Some(format!("ConvTranspose runs as InsertZeros and Conv, and cannot here: {reason}")))
}
