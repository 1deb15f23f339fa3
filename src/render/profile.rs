//! Text form of a board's measurements beside the estimates.

use crate::cost::Test;
use crate::engine::{Fit, Profile, ProfiledLayer};
use crate::order;
use crate::text::units::{count, percent};

use super::table::{elide, width};
use super::terminal::{Style, Terminal};

/// Renders a profile: the test, the layers by measured time, memory, and what the board reported.
pub fn profile(found: &Profile, top: Option<usize>, out: &Terminal) -> String {
    let mut sections = vec![test(found, out)];
    sections.extend((!found.unknown.is_empty()).then(|| unknown(found, out)));
    sections.extend((!found.layers.is_empty()).then(|| layers(found, top, out)));
    sections.extend((!found.memory.is_empty()).then(|| memory(found, out)));
    sections.extend(found.fit.as_ref().map(|found| fit(found, out)));
    sections.extend((!found.errors.is_empty()).then(|| errors(found, out)));
    sections.join("\n")
}

fn test(found: &Profile, out: &Terminal) -> String {
    match &found.test {
        Some(Test::Passed) => {
            format!("{} test passed: the board's outputs are those in the file\n", out.paint(Style::Good, "✓"))
        }
        Some(Test::Failed(output)) => format!(
            "{} test failed: output {} differs from the one in the file; flash the file again, and check that the \
             firmware has ESP-DL's release of `export.esp-dl`\n",
            out.paint(Style::Bad, "✗"),
            clean(output)
        ),
        None => "the log has no test: call `model->test()`, with a file exported with --test-values\n".to_string(),
    }
}

fn unknown(found: &Profile, out: &Terminal) -> String {
    let first: Vec<String> = found.unknown.iter().take(3).map(|name| clean(name)).collect();
    format!(
        "{} {} of the log are not in the file ({}): the log is of another file\n",
        out.paint(Style::Warning, "!"),
        count(found.unknown.len(), "layer"),
        first.join(", ")
    )
}

fn layers(found: &Profile, top: Option<usize>, out: &Terminal) -> String {
    let mut rows: Vec<&ProfiledLayer> = found.layers.iter().collect();
    order::sort_by(&mut rows, |a, b| b.measured.total_cmp(&a.measured));
    let shown = &rows[..rows.len().min(top.unwrap_or(usize::MAX))];
    let names = shown.iter().map(|layer| width(&clean(&layer.name))).max().unwrap_or(0).max(5);
    let names = out.width.map_or(names, |room| names.min(room.saturating_sub(60).max(16)));
    let line = |name: &str, cells: [&str; 4]| {
        let name = elide(name, names);
        let gap = " ".repeat(names.saturating_sub(width(&name)));
        format!("  {name}{gap}  {:>12}  {:>20}  {:<7}  {}", cells[0], cells[1], cells[2], cells[3])
            .trim_end()
            .to_string()
    };
    let title = format!("Layers on {}, measured and estimated", found.target);
    let mut text = out.paint(Style::Title, &title) + "\n";
    text += &(out.paint(Style::Dim, &line("Layer", ["measured us", "estimated us", "", "kernel"])) + "\n");
    for layer in shown {
        let (estimate, verdict) = beside(layer.measured, layer.estimated);
        let kernel = if layer.kernel.is_empty() { &layer.op } else { &layer.kernel };
        text += &(line(&clean(&layer.name), [&format!("{:.0}", layer.measured), &estimate, verdict, kernel]) + "\n");
    }
    if rows.len() > shown.len() {
        text += &out.paint(Style::Dim, &format!("  ... and {} more, all faster\n", rows.len() - shown.len()));
    }
    if let Some(measured) = found.measured {
        let (estimate, verdict) = beside(measured, found.estimated);
        text += &(line("all layers", [&format!("{measured:.0}"), &estimate, verdict, ""]) + "\n");
    }
    if let Some(run) = found.runs.iter().copied().reduce(f64::min) {
        text += &(line("one run", [&format!("{run:.0}"), "", "", "the fastest that the program printed"]) + "\n");
    }
    if !found.conditions.is_empty() {
        text += &format!("  estimated for {}; other settings go into [board]\n", found.conditions);
    }
    text
}

/// "190 (141..255)", and "slower" or "faster" if the measurement is outside of the bounds.
fn beside(measured: f64, estimated: Option<crate::cost::Interval>) -> (String, &'static str) {
    let Some(interval) = estimated else { return (String::new(), "") };
    let verdict = match measured {
        m if m > interval.high => "slower",
        m if m < interval.low => "faster",
        _ => "",
    };
    (format!("{:.0} ({:.0}..{:.0})", interval.estimate, interval.low, interval.high), verdict)
}

fn memory(found: &Profile, out: &Terminal) -> String {
    let mut text = out.paint(Style::Title, "Memory, measured and predicted") + "\n";
    for row in &found.memory {
        let predicted = match row.predicted {
            // The board prints KB with two decimals.
            Some(bytes) if (bytes - row.measured).abs() <= 6.0 => "as predicted".to_string(),
            Some(bytes) => format!("predicted {:.2} KB", bytes / 1024.0),
            None => String::new(),
        };
        text += format!("  {:<14}  {:>12.2} KB  {predicted}", clean(&row.name), row.measured / 1024.0).trim_end();
        text.push('\n');
    }
    text
}

fn fit(found: &Fit, out: &Terminal) -> String {
    let mut text = out.paint(Style::Title, "Constants of this board, in cycles") + "\n";
    for constant in &found.constants {
        let name = constant.term.name();
        text += &format!(
            "  {name:<10}  {:>10.3} -> {:>10.3}  (within a factor of {:.2})\n",
            constant.before, constant.after, constant.sure
        );
    }
    text + &format!("  median error of a layer: {} -> {}\n", percent(found.before), percent(found.after))
}

fn errors(found: &Profile, out: &Terminal) -> String {
    const SHOWN: usize = 10;
    let lines: String = found.errors.iter().take(SHOWN).map(|error| format!("  {}\n", clean(error))).collect();
    format!("{}\n{lines}", out.paint(Style::Title, "Errors that the board printed"))
}

/// Escapes characters that would move the cursor: names come from the log.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
