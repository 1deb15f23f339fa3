//! Flash, RAM and time of a file, in all and by layer.

use crate::cost::{Cost, LayerCost};
use crate::order;
use crate::text::units::{and_more, percent, size};
use crate::text::visible;

use super::table::{elide, width};
use super::terminal::{Style, Terminal};

/// Renders the three sums, each with its parts.
pub fn totals(cost: &Cost, out: &Terminal) -> String {
    let title = out.paint(Style::Title, &format!("Cost on {}", cost.target));
    format!("{title}\n  flash    {}\n  RAM      {}\n  latency  {}\n", flash(cost), ram(cost), latency(cost))
}

fn flash(cost: &Cost) -> String {
    let flash = &cost.flash;
    let by_channel = match flash.channel_exponent_bytes {
        0 => String::new(),
        bytes => format!(" ({} of them for exponents by channel)", size(bytes)),
    };
    let tests = if flash.test_bytes > 0 { format!(", test values {}", size(flash.test_bytes)) } else { String::new() };
    format!(
        "{}: weights {}, exponents {}{by_channel}, tables {}, names {}{tests}, structure {}",
        size(flash.file_bytes),
        size(flash.weight_bytes),
        size(flash.exponent_bytes),
        size(flash.table_bytes),
        size(flash.name_bytes),
        size(flash.other_bytes)
    )
}

fn ram(cost: &Cost) -> String {
    let ram = &cost.ram;
    let peak = match cost.memory.peak_node.as_str() {
        "" => String::new(),
        node => format!(" (largest at {})", clean(node)),
    };
    let parts = [
        ("internal block", ram.internal_bytes),
        ("copies of parameters", ram.copy_bytes),
        ("the file", ram.file_bytes),
        ("packed biases", ram.packed_bias_bytes),
        ("tables of kernels", ram.kept_bytes),
        ("buffer of a call", ram.call_bytes),
    ];
    let parts: String = parts
        .iter()
        .filter(|(_, bytes)| *bytes > 0)
        .map(|(name, bytes)| format!(", {name} {}", size(*bytes)))
        .collect();
    let other = cost.memory.smallest_bytes.map_or_else(String::new, |bytes| {
        let copied = visible(&and_more(&cost.memory.copied_nodes, 1)).into_owned();
        let copied = if copied.is_empty() { copied } else { format!(", which copies the output of {copied}") };
        format!(" ({} with `order = \"smallest\"` in [export]{copied})", size(bytes))
    });
    let values = size(ram.arena_bytes) + &other;
    format!(
        "{}: values {values}{peak}{parts}; objects of ESP-DL and of the allocator are not counted",
        size(ram.total_bytes)
    )
}

fn latency(cost: &Cost) -> String {
    match (&cost.time, &cost.untimed) {
        (Some(time), _) => {
            let settings = if time.is_published { "" } else { "; no published time has these settings" };
            format!("{} at {}{settings}", time.total.milliseconds(), time.conditions)
        }
        (None, Some(reason)) => reason.clone(),
        (None, None) => String::new(),
    }
}

/// Columns beside the name and the bar.
const HEAD: [&str; 6] = ["ms", "kernel", "MACs", "weights", "values", "flash"];

/// Renders one row for each layer, the slowest first; at most `top`.
pub fn by_layer(cost: &Cost, top: Option<usize>, out: &Terminal) -> String {
    let estimate = |layer: &LayerCost| layer.time.map_or(0.0, |time| time.estimate);
    let mut layers: Vec<&LayerCost> = cost.layers.iter().collect();
    order::sort_by(&mut layers, |a, b| estimate(b).total_cmp(&estimate(a)));
    let shown = &layers[..layers.len().min(top.unwrap_or(usize::MAX))];
    let rows: Vec<[String; 6]> = shown.iter().map(|layer| cells(layer)).collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|at| rows.iter().map(|row| width(&row[at])).chain([width(HEAD[at])]).max().unwrap_or(0))
        .collect();
    let rest: usize = widths.iter().map(|width| width + 2).sum();
    let longest = shown.iter().map(|layer| width(&clean(&layer.name))).max().unwrap_or(0).max(5);
    let names = out.width.map_or(longest, |room| longest.min(room.saturating_sub(rest + BAR + 4).max(16)));
    let line = |name: &str, bar: &str, cells: &dyn Fn(usize) -> String| {
        let name = elide(name, names);
        let gap = " ".repeat(names - width(&name).min(names));
        let cells: String = (0..HEAD.len())
            .map(|at| format!("  {}{}", cells(at), " ".repeat(widths[at] - width(&cells(at)))))
            .collect();
        format!("  {name}{gap}  {bar}{}{cells}", " ".repeat(BAR - width(bar))).trim_end().to_string()
    };
    let largest = shown.first().map_or(0.0, |layer| estimate(layer));
    let mut text = out.paint(Style::Title, "Cost by layer") + "\n";
    text += &(out.paint(Style::Dim, &line("Layer", "", &|at| HEAD[at].to_string())) + "\n");
    for (layer, row) in shown.iter().zip(&rows) {
        let filled = (BAR as f64 * estimate(layer) / largest.max(1e-9)).round() as usize;
        text += &(line(&clean(&layer.name), &"█".repeat(filled.min(BAR)), &|at| row[at].clone()) + "\n");
    }
    if layers.len() > shown.len() {
        text += &out.paint(Style::Dim, &format!("  ... and {} more, all faster\n", layers.len() - shown.len()));
    }
    text
}

const BAR: usize = 10;

fn cells(layer: &LayerCost) -> [String; 6] {
    let waits = match layer.rereads {
        true => format!(", weights read {} times ({} waiting)", layer.pixels, percent(layer.waits)),
        false => String::new(),
    };
    let or_nothing = |bytes: usize| if bytes == 0 { String::new() } else { size(bytes) };
    [
        layer.time.map(|time| time.range()).unwrap_or_default(),
        layer.kernel.clone() + &waits,
        if layer.macs == 0 { String::new() } else { count(layer.macs) },
        or_nothing(layer.weight_bytes),
        format!("{} -> {}", size(layer.input_bytes), size(layer.output_bytes)),
        size(layer.flash_bytes),
    ]
}

/// "19.3 M"
fn count(macs: u64) -> String {
    match macs as f64 {
        macs if macs >= 1e9 => format!("{:.2} G", macs / 1e9),
        macs if macs >= 1e6 => format!("{:.1} M", macs / 1e6),
        macs if macs >= 1e3 => format!("{:.1} k", macs / 1e3),
        macs => macs.to_string(),
    }
}

/// Escapes characters that would move the cursor: names come from the file.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Target;
    use crate::cost::{Board, Machine, of_file};

    fn cost(target: Target) -> Cost {
        let model = crate::espdl::example();
        of_file(&model.graph, 4096, false, &Machine::of(target, Board::of(target)))
    }

    const PIPE: Terminal = Terminal { width: None, color: false };

    #[test]
    fn totals_have_their_parts_and_conditions() {
        let text = totals(&cost(Target::Esp32p4), &PIPE);
        assert!(text.starts_with("Cost on esp32p4\n  flash    4.0 KiB: weights "), "{text}");
        assert!(text.contains(" at 400 MHz, cache of 256 KB in lines of 128 B, PSRAM at 200 MHz"), "{text}");
    }

    #[test]
    fn a_chip_without_published_times_has_none_and_says_why() {
        let text = totals(&cost(Target::Esp32c3), &PIPE);
        assert!(text.contains("  latency  no time: nobody has published one of a network on esp32c3"), "{text}");
    }

    #[test]
    fn layers_fit_a_narrow_terminal() {
        let cost = cost(Target::Esp32s3);
        let text = by_layer(&cost, Some(1), &Terminal { width: Some(60), color: false });
        assert!(cost.layers.len() < 2 || text.contains(" more, all faster"), "{text}");
        assert_eq!(by_layer(&cost, None, &PIPE).lines().count(), 2 + cost.layers.len());
    }
}
