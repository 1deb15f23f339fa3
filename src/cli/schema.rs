//! `espq schema`: the JSON Schema of espq.toml.

use crate::project::schema::json_schema;

/// Prints the JSON Schema of espq.toml, for editors that check TOML by a schema
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq schema > espq.schema.json    then in espq.toml: #:schema ./espq.schema.json")]
pub struct Arguments {}

pub(super) fn run(_: &Arguments) -> String {
    json_schema()
}
