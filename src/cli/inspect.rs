//! `espq inspect`: shows the contents of an ESP-DL file, and the chips that run it.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::Result;
use crate::chip::Target;
use crate::engine::inspect as engine;
use crate::espdl::{File, Key};

use super::overrides::named;
use super::{Failure, json};
use crate::render::inspect;
use crate::render::terminal::Terminal;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables
    Text,
    /// Every figure, node and value
    Json,
}

/// Shows an ESP-DL file: header, inputs, outputs, nodes, weights, memory, test values
///
/// Reads every file that ESP-DL reads, including those of esp-ppq and packages of several models. Kernels of different
/// targets read weights in different orders, so a file is compatible with some chips only; incompatibilities are listed
/// with their reasons.
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq inspect model.espdl                       contents, and the chips that support it
  espq inspect model.espdl --target esp32p4      the reasons against one chip
  espq inspect model.espdl --cost                what each layer costs: time, weights, values
  espq inspect ours.espdl --diff theirs.espdl    where two files differ
  espq inspect model.espdl --format json         everything, for scripts

The exit code is 0 if the file was read, and 2 on errors.")]
pub struct Arguments {
    /// An .espdl file
    file: PathBuf,

    /// Check the file against this chip only, and list every reason
    #[arg(long, value_parser = named(Target::ALL, Target::name))]
    target: Option<Target>,

    /// Also print kernel, time and bytes of every layer, the slowest first
    #[arg(long)]
    cost: bool,

    /// Another file: show the differences
    #[arg(long, value_name = "OTHER", conflicts_with = "target")]
    diff: Option<PathBuf>,

    /// Key of an encrypted file: 32 hexadecimal digits, or bytes as esp-ppq prints them (0x1f, 0x02, ...)
    #[arg(long, value_parser = key)]
    key: Option<Key>,

    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, out: &Terminal) -> Result<String, Failure> {
    let file = engine::open(&arguments.file, arguments.key.as_ref())?;
    match &arguments.diff {
        Some(other) => Ok(compare(arguments, &file, &engine::open(other, arguments.key.as_ref())?, out)?),
        None => Ok(show(arguments, &file, out)?),
    }
}

fn show(arguments: &Arguments, file: &File, out: &Terminal) -> Result<String> {
    let summary = engine::summarize(file, arguments.target);
    match arguments.format {
        Format::Json => json(&summary),
        Format::Text => {
            let title = arguments.file.display().to_string();
            let details = inspect::Details { reasons: arguments.target.is_some(), cost: arguments.cost };
            Ok(inspect::text(&title, &summary, details, out))
        }
    }
}

fn compare(arguments: &Arguments, left: &File, right: &File, out: &Terminal) -> Result<String> {
    let differences = engine::diff(left, right)?;
    match arguments.format {
        Format::Json => json(&differences),
        Format::Text => Ok(inspect::differences(&differences, out)),
    }
}

/// Parses sixteen hexadecimal bytes, with or without `0x` and commas between them.
fn key(text: &str) -> Result<Key, String> {
    let digits: String =
        text.split([',', ' ']).map(|part| part.trim().strip_prefix("0x").unwrap_or(part.trim())).collect();
    let nibbles: Option<Vec<u8>> = digits.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let bytes: Option<Vec<u8>> = nibbles.map(|n| n.as_chunks::<2>().0.iter().map(|[a, b]| a << 4 | b).collect());
    match bytes.and_then(|b| Key::try_from(b).ok()).filter(|_| digits.len() == 32) {
        Some(key) => Ok(key),
        None => Err(format!("a key has 32 hexadecimal digits, but this one has {}", digits.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_in_both_forms() {
        let bytes: Key = std::array::from_fn(|i| i as u8 * 17);
        assert_eq!(key("00112233445566778899aabbccddeeff"), Ok(bytes));
        let listed: String = bytes.iter().map(|b| format!("0x{b:02x}, ")).collect();
        assert_eq!(key(&listed), Ok(bytes));
        assert_eq!(key("0011"), Err("a key has 32 hexadecimal digits, but this one has 4".to_string()));
        assert!(key("0011223344556677 8899aabbccddeeffg").is_err());
    }
}
