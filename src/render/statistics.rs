//! Statistics of tensors, including operators that the error tables leave out.

use super::terminal::{Style, Terminal};
use crate::analysis::{Layer, Report, TensorStatistics};
use crate::order;
use crate::text::units::percent_column;

use super::table::{elide, left_out, width};

struct Column {
    title: &'static str,
    show: fn(&TensorStatistics) -> String,
    /// Priority; columns with the lowest are dropped first on a narrow terminal.
    worth: u32,
}

const COLUMNS: &[Column] = &[
    Column { title: "min", show: |s| number(s.float.min), worth: 8 },
    Column { title: "max", show: |s| number(s.float.max), worth: 8 },
    Column { title: "mean", show: |s| number(s.float.mean), worth: 4 },
    Column { title: "std", show: |s| number(s.float.std), worth: 5 },
    Column { title: "skewness", show: |s| number(s.float.skewness), worth: 1 },
    Column { title: "kurtosis", show: |s| number(s.float.kurtosis), worth: 2 },
    Column { title: "saturated", show: |s| percent_column(s.saturated), worth: 6 },
    Column { title: "NSR", show: |s| percent_column(s.error.nsr), worth: 7 },
    Column { title: "distribution", show: |s| spark(&s.float.histogram.0), worth: 3 },
];

/// Renders one row per layer that has statistics, in the graph's order; of `top` layers, those with the largest errors.
pub fn statistics(report: &Report, top: Option<usize>, terminal: &Terminal) -> String {
    let mut rows: Vec<(String, &TensorStatistics)> =
        report.layers.iter().filter_map(|l| Some((label(l), l.statistics.as_ref()?))).collect();
    let all = rows.len();
    if let Some(top) = top {
        let mut errors: Vec<f64> = rows.iter().map(|(_, statistics)| statistics.error.nsr).collect();
        order::sort_by(&mut errors, |a, b| b.total_cmp(a));
        let least = errors.get(top.saturating_sub(1)).copied().unwrap_or(f64::NEG_INFINITY);
        rows.retain(|(_, statistics)| statistics.error.nsr.total_cmp(&least).is_ge());
        rows.truncate(top);
    }
    let longest = rows.iter().map(|(label, _)| width(label)).max().unwrap_or(0);
    let mut columns: Vec<Filled> = COLUMNS.iter().map(|column| Filled::new(column, &rows)).collect();
    if let Some(room) = terminal.width {
        drop_columns(&mut columns, room.saturating_sub(2 + longest.min(room / 3)));
    }
    let taken: usize = columns.iter().map(|c| 2 + c.width).sum();
    let names = terminal.width.map_or(longest, |w| longest.min(w.saturating_sub(2 + taken).max(16)));
    let head = line("", names, columns.iter().map(|c| (c.column.title, c.width)));
    let mut text = terminal.paint(Style::Dim, &head) + "\n";
    for (row, (label, _)) in rows.iter().enumerate() {
        text.push_str(&line(&elide(label, names), names, columns.iter().map(|c| (c.cell(row), c.width))));
        text.push('\n');
    }
    text + &left_out(all - rows.len(), terminal)
}

fn label(layer: &Layer) -> String {
    format!("{}  {}", layer.name, layer.op)
}

/// Column with its cells.
struct Filled {
    column: &'static Column,
    cells: Vec<String>,
    width: usize,
}

impl Filled {
    fn new(column: &'static Column, rows: &[(String, &TensorStatistics)]) -> Filled {
        let cells: Vec<String> = rows.iter().map(|(_, s)| (column.show)(s)).collect();
        let width = cells.iter().map(|c| width(c)).max().unwrap_or(0).max(width(column.title));
        Filled { column, cells, width }
    }

    fn cell(&self, row: usize) -> &str {
        self.cells.get(row).map_or("", String::as_str)
    }
}

/// Drops columns until the others fit, the least important first.
fn drop_columns(columns: &mut Vec<Filled>, room: usize) {
    while columns.len() > 1 && columns.iter().map(|c| 2 + c.width).sum::<usize>() > room {
        let least = columns.iter().map(|c| c.column.worth).min();
        columns.retain(|c| Some(c.column.worth) != least);
    }
}

fn line<'c>(name: &str, names: usize, cells: impl Iterator<Item = (&'c str, usize)>) -> String {
    let mut line = format!("  {name}{}", " ".repeat(names.saturating_sub(width(name))));
    for (cell, room) in cells {
        line.push_str(&" ".repeat(2 + room.saturating_sub(width(cell))));
        line.push_str(cell);
    }
    line.trim_end().to_string()
}

/// Formats a number with four significant digits.
fn number(value: f64) -> String {
    let size = value.abs();
    match () {
        () if !value.is_finite() => value.to_string(),
        () if size == 0.0 => "0".to_string(),
        () if !(1e-3..1e6).contains(&size) => format!("{value:.2e}"),
        () if size >= 1000.0 => format!("{value:.0}"),
        () if size >= 100.0 => format!("{value:.1}"),
        () if size >= 10.0 => format!("{value:.2}"),
        () => format!("{value:.3}"),
    }
}

/// Draws a histogram in 16 columns of square roots, which keeps the tails visible: they are what saturates.
fn spark(histogram: &[u64]) -> String {
    const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let columns = histogram.len().min(16);
    let mut sums = vec![0.0; columns];
    for (bin, &count) in histogram.iter().enumerate() {
        sums[bin * columns / histogram.len()] += count as f64;
    }
    let largest = sums.iter().copied().fold(0.0, f64::max);
    let level = |sum: f64| match largest > 0.0 && sum > 0.0 {
        // Level from 1 to 8.
        true => LEVELS[((sum / largest).sqrt() * 8.0).ceil().clamp(1.0, 8.0) as usize],
        false => LEVELS[0],
    };
    sums.into_iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_the_digits_that_count() {
        let shown = [0.0, 0.00012, 0.5, -6.0, 12.345, 123.456, 65504.0, 3.4e38, f64::NAN].map(number);
        assert_eq!(shown, ["0", "1.20e-4", "0.500", "-6.000", "12.35", "123.5", "65504", "3.40e38", "NaN"]);
    }

    #[test]
    fn a_lone_outlier_stays_visible() {
        let mut histogram = vec![0; 64];
        (histogram[0], histogram[63]) = (1_000_000, 1);
        assert_eq!(spark(&histogram), "█              ▁");
        assert_eq!(spark(&[]), "");
    }
}
