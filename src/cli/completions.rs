//! `espq completions` and `espq man`: what packages install beside the program.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{Error, Result};

use super::Failure;

/// Prints the completions of a shell
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq completions bash > ~/.local/share/bash-completion/completions/espq
  espq completions zsh > ~/.zfunc/_espq
  espq completions fish > ~/.config/fish/completions/espq.fish")]
pub struct Arguments {
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> String {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "espq", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Prints the manual page, or writes one for each command
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq man | man -l -
  espq man -o /usr/local/share/man/man1")]
pub struct Man {
    /// Folder for espq.1, espq-lint.1 and those of the other commands
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

pub(super) fn man(arguments: &Man) -> Result<String, Failure> {
    let mut command = super::Arguments::command();
    let Some(folder) = &arguments.output else { return Ok(page(command)?) };
    let failed = |e: std::io::Error| Error::new(format!("cannot be written: {e}")).in_file(folder);
    std::fs::create_dir_all(folder).map_err(failed)?;
    command.build();
    let mut written = String::new();
    let commands = command
        .get_subcommands()
        .filter(|inner| inner.get_name() != "help")
        .map(|inner| (format!("espq-{}", inner.get_name()), inner.clone()));
    for (name, command) in std::iter::once(("espq".to_string(), command.clone())).chain(commands) {
        let file = folder.join(format!("{name}.1"));
        std::fs::write(&file, page(command)?).map_err(failed)?;
        written += &format!("{}\n", file.display());
    }
    Ok(written)
}

fn page(command: clap::Command) -> Result<String> {
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(command).render(&mut text);
    rendered.map_err(|e| Error::new(format!("the page cannot be made: {e}")))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
