//! Score that a user's own program gives to the outputs. It is run for a command that asks for it, never on opening a file.

use std::path::Path;
use std::process::{Command, Output};

use serde::Serialize;

use crate::exec::Samples as _;
use crate::graph::Tensor;
use crate::samples::write_npy;
use crate::{Error, Result};

use super::Progress;
use super::accuracy::Labelled;
use super::opened::Opened;

/// Numbers that the program of `accuracy.command` printed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scored {
    /// Number of the network in float.
    pub float: f64,
    /// Number of the quantized network, simulated.
    pub simulated: f64,
    /// Number of the finished file in the chip's integers; `None` if it does not run there.
    pub on_chip: Option<f64>,
}

impl Opened {
    /// Runs the program of `accuracy.command` on the outputs of all labelled samples, once for each form of the network; `None` if
    /// the text has no command.
    pub fn scored(&self, progress: &dyn Progress) -> Result<Option<Scored>> {
        let Some(command) = &self.project().config.accuracy.command else { return Ok(None) };
        let Some(labelled) = self.labelled()? else { return Ok(None) };
        let forms = self.in_each_form(&labelled.samples, progress, &|_, outputs| Ok(outputs))?;
        let score = |outputs: &[Vec<Tensor>]| self.score(&command.value, &labelled, outputs);
        Ok(Some(Scored {
            float: score(&forms.float)?,
            simulated: score(&forms.simulated)?,
            on_chip: forms.on_chip.as_deref().map(score).transpose()?,
        }))
    }

    fn score(&self, command: &str, labelled: &Labelled, outputs: &[Vec<Tensor>]) -> Result<f64> {
        let unwritten =
            |e: std::io::Error| Error::new(format!("the outputs cannot be written for `accuracy.command`: {e}"));
        let folder = tempfile::tempdir().map_err(unwritten)?;
        let model = self.model()?;
        let graph = &model.simplified.graph;
        for (index, &output) in graph.outputs.iter().enumerate() {
            let rows: Vec<&Tensor> = outputs.iter().filter_map(|outputs| outputs.get(index)).collect();
            let name = format!("{}.npy", graph.value(output).name.replace(['/', '\\', ':'], "_"));
            write_npy(&folder.path().join(name), &rows, graph.shape(output)).map_err(unwritten)?;
        }
        let samples = &labelled.samples;
        let names: String = (0..samples.len()).map(|index| format!("{}\n", samples.describe(index))).collect();
        std::fs::write(folder.path().join("samples.txt"), names).map_err(unwritten)?;
        let failed = |what: String| {
            Error::new(what)
                .at_key("accuracy.command")
                .with_help("the program gets a folder with an array NAME.npy of each output, and prints one number")
        };
        let run = shell(command, folder.path()).current_dir(self.project().folder()).output();
        let run = run.map_err(|e| failed(format!("`{command}` cannot be run: {e}")))?;
        number(&run).map_err(|what| failed(format!("`{command}` {what}")))
    }
}

/// The command by the system's shell, with the folder as its last argument.
fn shell(command: &str, folder: &Path) -> Command {
    let mut shell;
    if cfg!(windows) {
        shell = Command::new("cmd");
        shell.args(["/C", command]);
    } else {
        shell = Command::new("sh");
        shell.args(["-c", &format!("{command} \"$@\""), "sh"]);
    }
    shell.arg(folder);
    shell
}

/// Returns the number on the last line that a program printed.
fn number(run: &Output) -> Result<f64, String> {
    let printed = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default().to_string()
    };
    if !run.status.success() {
        let code = run.status.code().map_or("by a signal".to_string(), |code| format!("with code {code}"));
        return Err(format!("ended {code}: {}", printed(&run.stderr)));
    }
    let last = printed(&run.stdout);
    match last.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(format!("printed `{last}` last, which is no number")),
    }
}
