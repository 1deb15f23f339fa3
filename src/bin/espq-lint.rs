//! `espq lint` under the name that commit hooks use: starts the `espq` that is installed beside it.
//!
//! Never: code of the library, which would double the installed size.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let error = match sibling() {
        Ok(espq) => {
            let mut command = Command::new(&espq);
            command.arg("lint").args(std::env::args_os().skip(1));
            match run(command) {
                Ok(code) => return code,
                Err(e) => format!("{}: {e}", espq.display()),
            }
        }
        Err(e) => format!("its own path is unknown: {e}"),
    };
    eprintln!(
        "espq-lint cannot start `espq lint`: {error}\n  help: install both programs into one folder, as `cargo install` does"
    );
    ExitCode::from(2)
}

/// Returns the path of the `espq` in this program's folder, through links.
fn sibling() -> std::io::Result<PathBuf> {
    let this = std::env::current_exe()?.canonicalize()?;
    Ok(this.with_file_name(format!("espq{}", std::env::consts::EXE_SUFFIX)))
}

/// Replaces this process by the command, which keeps its streams, signals and exit code. Returns only on failure.
#[cfg(unix)]
fn run(mut command: Command) -> std::io::Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

/// Runs the command with this process's streams and returns its exit code; Ctrl-C reaches both.
#[cfg(not(unix))]
fn run(mut command: Command) -> std::io::Result<ExitCode> {
    let code = command.status()?.code();
    Ok(ExitCode::from(code.and_then(|c| u8::try_from(c).ok()).unwrap_or(2)))
}
