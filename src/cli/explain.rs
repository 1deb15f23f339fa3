//! `espq explain`: documentation of a rule, or a list of all rules.

use crate::Error;
use crate::lint::{RULES, find};
use crate::render::rules;
use crate::text::nearest;

use super::Failure;

/// Explains a rule of `espq lint`, or lists all rules
#[derive(clap::Args)]
pub struct Arguments {
    /// A code or a name: E002, layer-over-limit
    rule: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let Some(wanted) = &arguments.rule else { return Ok(list()) };
    match find(wanted) {
        Some(rule) => Ok(rules::rule(rule)),
        None => {
            let near = nearest(wanted, RULES.iter().flat_map(|r| [r.code, r.name]));
            let help = match near {
                Some(near) => format!("did you mean `{near}`? `espq explain` lists all rules"),
                None => "`espq explain` lists all rules".to_string(),
            };
            Err(Error::new(format!("there is no rule `{wanted}`")).with_help(help).into())
        }
    }
}

fn list() -> String {
    RULES.iter().map(|rule| format!("{}  {}\n", rule.code, rule.name)).collect()
}
