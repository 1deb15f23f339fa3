//! `espq completions` and `espq man`: what packages install beside the program.

use std::path::PathBuf;

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::{Error, Result, file};

use super::Failure;

/// Prints the completions of a shell
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  espq completions bash > ~/.local/share/bash-completion/completions/espq
  espq completions zsh > ~/.zfunc/_espq
  espq completions fish > ~/.config/fish/completions/espq.fish
  espq completions bash --command espq-lint > ~/.local/share/bash-completion/completions/espq-lint")]
pub struct Arguments {
    #[arg(value_enum)]
    shell: Shell,

    /// The program to complete: shells load the completions of each by its name
    #[arg(long, value_enum, default_value = "espq", value_name = "NAME")]
    command: Program,
}

/// Programs that a package installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Program {
    /// All commands
    Espq,
    /// `espq lint` under the name that commit hooks use
    EspqLint,
}

pub(super) fn run(arguments: &Arguments) -> String {
    let (mut command, name) = match arguments.command {
        Program::Espq => (super::Arguments::command(), "espq"),
        Program::EspqLint => (lint(), "espq-lint"),
    };
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Returns `espq lint` as a program of its own, with the options of all commands.
fn lint() -> clap::Command {
    let mut all = super::Arguments::command();
    all.build();
    all.find_subcommand("lint").cloned().unwrap_or(all).name("espq-lint").bin_name("espq-lint")
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
        file::write(&file, page(command)?.as_bytes())?;
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
