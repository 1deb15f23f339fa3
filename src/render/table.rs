//! Sorted bars, in the style of esp-ppq's tables.

use crate::order;
use crate::text::units::percent_column;
use crate::text::visible;

use super::terminal::{Style, Terminal};

/// One layer and its error.
pub struct Row<'a> {
    /// Name of the row.
    pub name: &'a str,
    /// Noise-to-signal power ratio.
    pub nsr: f64,
    /// Set if the error is over its limit, which highlights it.
    pub is_over: bool,
    /// Note after the figure; may be empty.
    pub note: &'a str,
}

/// Renders rows from large to small, each with a bar proportional to the largest.
///
/// At most `top` rows.
pub fn bars(mut rows: Vec<Row>, top: Option<usize>, terminal: &Terminal) -> String {
    const FIGURE: usize = 9;
    // NaN comes first: it counts as the largest error.
    order::sort_by(&mut rows, |a, b| b.nsr.is_nan().cmp(&a.nsr.is_nan()).then(b.nsr.total_cmp(&a.nsr)));
    let hidden = rows.len().saturating_sub(top.unwrap_or(usize::MAX));
    rows.truncate(rows.len() - hidden);
    let largest = rows.iter().map(|r| r.nsr).filter(|n| n.is_finite()).fold(0.0, f64::max);
    let longest = rows.iter().map(|r| width(&visible(r.name))).max().unwrap_or(0);
    let note = rows.iter().map(|r| width(r.note)).max().map_or(0, |w| if w > 0 { w + 2 } else { 0 });
    let (names, bars) = columns(terminal, longest.max(width(LAYER)), 2 + 2 + 1 + FIGURE + note);
    let head = format!("  {LAYER}{}{:>FIGURE$}", " ".repeat(names - width(LAYER) + 2 + bars + 1), "NSR");
    let mut text = terminal.paint(Style::Dim, &head) + "\n";
    for row in &rows {
        let over = row.is_over;
        let shown = visible(row.name);
        let name = elide(&shown, names);
        let share = if largest > 0.0 && row.nsr.is_finite() { row.nsr / largest } else { 0.0 };
        let (bar, gap) = bar(share, bars);
        let line = format!(
            "  {name}{}  {}{gap} {}{}",
            " ".repeat(names - width(&name)),
            terminal.paint(if over { Style::Warning } else { Style::Bar }, &bar),
            terminal.paint(
                if over { Style::Warning } else { Style::Plain },
                &format!("{:>FIGURE$}", percent_column(row.nsr))
            ),
            match row.note {
                "" => String::new(),
                note => format!("  {}", terminal.paint(Style::Dim, note)),
            },
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text + &left_out(hidden, terminal)
}

/// "... and 3 more, all smaller"; nothing for none.
pub fn left_out(count: usize, terminal: &Terminal) -> String {
    match count {
        0 => String::new(),
        _ => terminal.paint(Style::Dim, &format!("  ... and {count} more, all smaller\n")),
    }
}

const LAYER: &str = "Layer";

/// Returns the columns for names and for bars, beside `rest` others.
fn columns(terminal: &Terminal, longest: usize, rest: usize) -> (usize, usize) {
    const BARS: std::ops::RangeInclusive<usize> = 8..=20;
    let Some(width) = terminal.width else { return (longest, *BARS.end()) };
    let room = width.saturating_sub(rest);
    // Names are more informative than long bars.
    let bars = room.saturating_sub(longest).clamp(*BARS.start(), *BARS.end());
    (longest.min(room.saturating_sub(bars).max(16)), bars)
}

/// Draws a bar in eighths of a column, and pads it to the room.
fn bar(share: f64, room: usize) -> (String, String) {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share * room as f64 * 8.0).round() as usize;
    let (whole, rest) = (eighths / 8, eighths % 8);
    let used = whole + usize::from(rest > 0);
    (format!("{}{}", "█".repeat(whole), EIGHTHS[rest]), " ".repeat(room.saturating_sub(used)))
}

/// Approximate display width, sufficient for layer names.
pub fn width(text: &str) -> usize {
    text.chars().count()
}

/// Shortens in the middle: both ends of a layer's name distinguish it from its neighbours, the last one more.
pub fn elide(text: &str, room: usize) -> String {
    let length = width(text);
    if length <= room {
        return text.to_string();
    }
    let kept = room.saturating_sub(1);
    let head = kept / 3;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - (kept - head)).collect();
    format!("{start}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_shares_of_the_room() {
        assert_eq!(bar(0.0, 4), (String::new(), "    ".into()));
        assert_eq!(bar(0.5, 4), ("██".into(), "  ".into()));
        assert_eq!(bar(0.40625, 4), ("█▋".into(), "  ".into()));
        assert_eq!(bar(1.0, 4), ("████".into(), String::new()));
    }

    #[test]
    fn names_are_cut_in_the_middle() {
        assert_eq!(
            elide("/features/features.1/conv/Conv", 16),
            "/feat….1/conv/Conv"[..0].to_string() + "/feat…/conv/Conv"
        );
        assert_eq!(elide("short", 16), "short");
    }

    proptest::proptest! {
        #[test]
        fn elided_names_fill_their_room(name in ".{0,40}", room in 1usize..40) {
            proptest::prop_assert_eq!(width(&elide(&name, room)), width(&name).min(room));
        }
    }
}
