//! Abilities of the terminal: width and colours.

use std::io::IsTerminal;

/// Choice of colours on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// Colours on a terminal, unless NO_COLOR is set
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
            Color::Auto => {
                // no-color.org: set and not empty.
                let refused = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
                is_terminal && !refused && !dumb
            }
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
