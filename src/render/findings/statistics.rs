//! Number of findings by rule.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::terminal::{Style, Terminal};
use super::{Form, Linted};
use crate::order;

/// Findings of one rule.
#[derive(Default)]
struct Row<'a> {
    name: &'a str,
    count: usize,
    fixable: usize,
}

/// Renders one line per rule, the most frequent first; a list in JSON for `Form::Json`.
pub fn statistics(linted: &[Linted], form: Form, terminal: &Terminal) -> String {
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for finding in linted.iter().flat_map(|one| &one.findings) {
        let row = rows.entry(&finding.code).or_default();
        row.name = &finding.name;
        row.count += 1;
        row.fixable += usize::from(!finding.fixes.is_empty());
    }
    let mut rows: Vec<(&str, Row)> = rows.into_iter().collect();
    order::sort_by_key(&mut rows, |(_, row)| std::cmp::Reverse(row.count));
    if form == Form::Json {
        let row = |(code, row): &(&str, Row)| json!({ "code": code, "name": row.name, "count": row.count, "fixable": row.fixable });
        return format!("{:#}\n", rows.iter().map(row).collect::<Value>());
    }
    let width = rows.first().map_or(0, |(_, row)| row.count.to_string().len());
    let line = |(code, row): &(&str, Row)| {
        let mark = match row.fixable {
            0 => String::new(),
            all if all == row.count => "  fixable".to_string(),
            some => format!("  {some} fixable"),
        };
        format!("{:>width$}  {} {}{mark}\n", row.count, terminal.paint(Style::Bad, code), row.name)
    };
    rows.iter().map(line).collect()
}
