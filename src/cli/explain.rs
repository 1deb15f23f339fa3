//! `espq explain`, also `espq rule`: documentation of a rule, or a list of all rules.

use clap::ValueEnum;

use crate::Error;
use crate::lint::{RULES, Rule, find};
use crate::render::rules;
use crate::text::nearest;

use super::Failure;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Markdown
    Text,
    /// Code, name, severity, facts that it needs, and documentation
    Json,
}

/// Explains a rule of `espq lint`, or lists all rules
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq explain E002                  one rule
  espq rule --all                    every rule
  espq explain --all --format json   for a script")]
pub struct Arguments {
    /// A code or a name: E002, layer-over-limit
    rule: Option<String>,

    /// Explain every rule
    #[arg(long, conflicts_with = "rule")]
    all: bool,

    #[arg(long, value_enum, default_value = "text", visible_alias = "output-format")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let one = arguments.rule.as_deref().map(known).transpose()?;
    Ok(match (arguments.format, one) {
        (Format::Json, Some(rule)) => rules::json(rule),
        (Format::Json, None) => rules::all_json(),
        (Format::Text, Some(rule)) => rules::rule(rule),
        (Format::Text, None) if arguments.all => RULES.iter().map(|r| rules::rule(r)).collect::<Vec<_>>().join("\n"),
        (Format::Text, None) => RULES.iter().map(|rule| format!("{}  {}\n", rule.code, rule.name)).collect(),
    })
}

fn known(wanted: &str) -> Result<&'static Rule, Error> {
    find(wanted).ok_or_else(|| {
        let near = nearest(wanted, RULES.iter().flat_map(|r| [r.code, r.name]));
        let help = match near {
            Some(near) => format!("did you mean `{near}`? `espq explain` lists all rules"),
            None => "`espq explain` lists all rules".to_string(),
        };
        Error::new(format!("there is no rule `{wanted}`")).with_help(help)
    })
}
