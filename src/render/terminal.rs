//! Abilities of the terminal: its width, its colours.

use std::io::IsTerminal;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Columns of a terminal; `None` for a file or a pipe, where nothing is cut.
    pub width: Option<usize>,
    pub color: bool,
}

/// Narrower than this, lines wrap: a bar needs its room.
const NARROWEST: usize = 50;

impl Terminal {
    pub fn stdout(color: Color) -> Terminal {
        let width = terminal_size::terminal_size_of(std::io::stdout()).map(|(w, _)| w.0.into());
        Terminal::new(color, std::io::stdout().is_terminal(), width)
    }

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

    /// `text` in a style, where there are colours.
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Title,
    Dim,
    Bar,
    Good,
    Warning,
    Bad,
}
