//! Abilities of the terminal: width and colours.

use std::io::IsTerminal;

/// Choice of colours on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// Colours on a terminal, unless NO_COLOR is set; FORCE_COLOR and CLICOLOR_FORCE colour files and pipes, too
    #[default]
    Auto,
    /// Colours in files and pipes, too
    Always,
    /// No colours
    Never,
}

/// Width and colours of an output stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Columns of a terminal; `None` for a file or a pipe, for which nothing is shortened.
    pub width: Option<usize>,
    /// Set if escape sequences for colours are written.
    pub color: bool,
}

/// Minimum width: on narrower terminals, lines wrap.
const NARROWEST: usize = 50;

impl Terminal {
    /// Describes the standard output.
    pub fn stdout(color: Color) -> Terminal {
        let width = terminal_size::terminal_size_of(std::io::stdout()).map(|(w, _)| w.0.into());
        Terminal::new(color, std::io::stdout().is_terminal(), width)
    }

    /// Describes the standard error output.
    pub fn stderr(color: Color) -> Terminal {
        let width = terminal_size::terminal_size_of(std::io::stderr()).map(|(w, _)| w.0.into());
        Terminal::new(color, std::io::stderr().is_terminal(), width)
    }

    fn new(color: Color, is_terminal: bool, width: Option<usize>) -> Terminal {
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_wanted(is_terminal, |name| std::env::var(name).ok()),
        };
        let width = is_terminal.then(|| width.unwrap_or(80).max(NARROWEST));
        Terminal { width, color }
    }

    /// Returns `text` in a style, if there are colours.
    pub fn paint(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Plain => return text.to_string(),
            Style::Title => "1",
            Style::Dim => "2",
            Style::Bar => "36",
            Style::Good => "32",
            Style::Warning => "33",
            Style::Bad => "31",
        };
        match self.color && !text.is_empty() {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_string(),
        }
    }
}

/// Decides on colours by the environment: FORCE_COLOR and CLICOLOR_FORCE, then NO_COLOR, then CLICOLOR and TERM. As
/// no-color.org and bixense.com/clicolors define them; a variable that is empty is not set.
fn is_wanted(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(force) = set("FORCE_COLOR") {
        return force != "0" && force != "false";
    }
    if set("CLICOLOR_FORCE").is_some_and(|force| force != "0") {
        return true;
    }
    let is_refused = set("NO_COLOR").is_some() || set("CLICOLOR").is_some_and(|value| value == "0");
    is_terminal && !is_refused && set("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Meaning of a text, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text without a style.
    Plain,
    /// Heading.
    Title,
    /// Secondary text.
    Dim,
    /// Bar of a chart.
    Bar,
    /// Output within its limit.
    Good,
    /// Warning, or layer over its limit.
    Warning,
    /// Error, or output over its limit.
    Bad,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_forces_and_refuses_colours() {
        let wanted = |is_terminal, variables: &[(&str, &str)]| {
            is_wanted(is_terminal, |name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_string()))
        };
        assert!(wanted(true, &[]) && !wanted(false, &[]));
        assert!(wanted(false, &[("FORCE_COLOR", "1")]) && wanted(false, &[("CLICOLOR_FORCE", "1")]));
        assert!(wanted(false, &[("FORCE_COLOR", "3"), ("NO_COLOR", "1")]));
        assert!(!wanted(true, &[("FORCE_COLOR", "0")]) && !wanted(false, &[("CLICOLOR_FORCE", "0")]));
        assert!(wanted(true, &[("FORCE_COLOR", ""), ("NO_COLOR", "")]));
        for refusal in [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")] {
            assert!(!wanted(true, &[refusal]), "{refusal:?}");
        }
    }
}
