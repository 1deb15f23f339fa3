//! Errors and problems as text, with their line of espq.toml if there is one.

use miette::{GraphicalReportHandler, GraphicalTheme, MietteDiagnostic, Report, Severity};

use crate::Error;
use crate::lint::{self, Finding, Safety};
use crate::project::{Problem, Project};
use crate::text::units::and_more;
use crate::text::{Span, visible, visible_lines};

use super::frame::{Frame, Source};
use super::table::elide;
use super::terminal::Terminal;

/// Renderer of messages with the configuration lines that they refer to.
pub struct Diagnostics {
    handler: GraphicalReportHandler,
}

impl Diagnostics {
    /// Makes a renderer of the terminal's width and colours.
    pub fn new(terminal: &Terminal) -> Diagnostics {
        let theme = if terminal.color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let width = terminal.width.unwrap_or(100).min(120);
        let handler =
            GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false).with_context_lines(1);
        // Paths and layer names are for copying, so they are never broken over lines.
        Diagnostics { handler: handler.with_break_words(false) }
    }

    /// Renders a problem of the text with its lines.
    pub fn problem(&self, problem: &Problem, project: &Project) -> String {
        let source = Source::of(project);
        self.render(
            visible(&problem.message).into_owned(),
            problem.help.as_deref(),
            Some((&source, problem.span.clone())),
        )
    }

    /// Renders a finding with its code, help and available fixes.
    pub fn finding(&self, finding: &Finding, source: &Source) -> String {
        let mut help: Vec<String> = finding.help.iter().cloned().collect();
        // The other fixes are for editors; the command line applies the first.
        if let Some(fix) = finding.fixes.first() {
            let flag = if fix.safety == Safety::Safe { "--fix" } else { "--unsafe-fixes" };
            help.push(format!("{flag}: {}", fix.title));
        }
        help.extend(other_layers(finding));
        let severity = match finding.severity {
            lint::Severity::Error => Severity::Error,
            lint::Severity::Warning => Severity::Warning,
            lint::Severity::Info => Severity::Advice,
        };
        let mut diagnostic = MietteDiagnostic::new(visible(&finding.message))
            .with_code(format!("{} {}", finding.code, finding.name))
            .with_severity(severity);
        diagnostic.help = (!help.is_empty()).then(|| help.join("\n"));
        let beside = finding.related.iter().filter_map(|r| Some((r.span.clone()?, r.message.clone())));
        self.draw(diagnostic, &beside.collect::<Vec<_>>(), Some((source, finding.span.clone())))
    }

    /// Renders an error and those found with it; if a project is given, each on the line of the key that it names.
    pub fn error(&self, error: &Error, project: Option<&Project>) -> String {
        error.each().map(|error| self.one_error(error, project)).collect()
    }

    fn one_error(&self, error: &Error, project: Option<&Project>) -> String {
        let source = project.map(Source::of);
        let span = error.key().zip(project).and_then(|(key, project)| project.config.span_of(key));
        let place = source.as_ref().zip(span);
        let mut message = error.what().to_string();
        if let (Some(key), None) = (error.key(), &place) {
            message = format!("{key}: {message}");
        }
        if let Some(layer) = error.layer() {
            message = format!("layer {layer}: {message}");
        }
        if let Some(file) = error.file() {
            message = format!("{}: {message}", file.display());
        }
        self.render(message, error.help(), place)
    }

    fn render(&self, message: String, help: Option<&str>, place: Option<(&Source, Span)>) -> String {
        let mut diagnostic = MietteDiagnostic::new(message);
        diagnostic.help = help.map(str::to_string);
        self.draw(diagnostic, &[], place)
    }

    fn draw(
        &self,
        mut diagnostic: MietteDiagnostic,
        others: &[(Span, String)],
        place: Option<(&Source, Span)>,
    ) -> String {
        // A refused export lists its layers, each on its line.
        diagnostic.message = shortened(&visible_lines(&diagnostic.message));
        diagnostic.help = diagnostic.help.map(|help| shortened(&visible_lines(&help)));
        let mut text = String::new();
        let (words, written) = match place {
            Some((source, span)) if !source.is_empty() => {
                let words = diagnostic.message.clone();
                let frame = Frame::of(source, &span, others);
                diagnostic.labels = Some(frame.labels.clone());
                let report = Report::new(diagnostic).with_source_code(frame);
                (words, self.handler.render_report(&mut text, report.as_ref()))
            }
            place => {
                // An empty file has no line, but a name.
                if let Some((source, _)) = place {
                    diagnostic.message = format!("{}: {}", source.name(), diagnostic.message);
                }
                (diagnostic.message.clone(), self.handler.render_report(&mut text, &diagnostic))
            }
        };
        match written {
            Ok(()) => text,
            // The message must not be lost when drawing the line fails.
            Err(_) => format!("{words}\n"),
        }
    }
}

/// Cuts words that no layer and no path has.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 180;
    let word = |word: &str| if word.len() > LONGEST { elide(word, LONGEST) } else { word.to_string() };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Lists a finding's layers that its message does not name: "layers: /a, /b and 3 more".
fn other_layers(finding: &Finding) -> Option<String> {
    const SHOWN: usize = 8;
    let related = finding.related.iter().filter(|related| related.span.is_none() && !related.is_named);
    let names: Vec<&str> = related.filter_map(|related| related.layer.as_deref()).collect();
    (!names.is_empty()).then(|| format!("layers: {}", and_more(&names, SHOWN)))
}
