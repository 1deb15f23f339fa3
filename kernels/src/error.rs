//! The error type of all modules: place, message, help.
//!
//! Never: rendering (colours, source snippets), which belongs to `render` and `lsp`.

use std::fmt;
use std::path::{Path, PathBuf};

/// Result with espq's [`Error`] by default.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Error that a person has to fix.
///
/// `what` is one sentence without a full stop; `help` says what to do. Boxed, so that a `Result<f32>` stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Detail>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Detail {
    what: String,
    file: Option<PathBuf>,
    layer: Option<String>,
    key: Option<String>,
    help: Option<String>,
    /// Value that the key likely should have.
    meant: Option<String>,
    kind: Kind,
    /// Found beside this one.
    others: Vec<Error>,
}

/// Kinds of errors that callers treat differently, without parsing the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// No special treatment.
    #[default]
    Other,
    /// The caller cancelled the work.
    Cancelled,
    /// A file or folder does not exist.
    Missing,
    /// A dimension of the model is not a number.
    Dynamic,
    /// The batch size is above 1.
    Batch,
    /// An operator is not supported.
    Operator,
    /// A layer is not in the model.
    Layer,
    /// The shape or type of a sample is not the input's.
    Shape,
    /// A file was written while it was read.
    Changed,
    /// A number is infinite or NaN.
    NotFinite,
}

impl Error {
    /// Makes an error of one sentence without a full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Error(Box::new(Detail {
            what: what.into(),
            file: None,
            layer: None,
            key: None,
            help: None,
            meant: None,
            kind: Kind::Other,
            others: Vec::new(),
        }))
    }

    /// Joins errors that were found side by side into the first of them; `None` where there are none.
    pub fn of_all(errors: Vec<Error>) -> Option<Error> {
        let mut errors = errors.into_iter();
        let mut first = errors.next()?;
        first.0.others.extend(errors);
        Some(first)
    }

    /// Lists this error and those that were found beside it.
    pub fn each(&self) -> impl Iterator<Item = &Error> {
        std::iter::once(self).chain(&self.0.others)
    }

    /// Makes the error of a path to a pipe or a device: reading would wait, or have no end.
    pub fn not_a_file() -> Self {
        Error::new("this is a pipe or a device, not a file").with_help("give the path of a file")
    }

    /// Makes the error of cancelled work, which is not a fault.
    pub fn cancelled() -> Self {
        Error::new("cancelled").of_kind(Kind::Cancelled)
    }

    /// Returns `true` for cancelled work.
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == Kind::Cancelled
    }

    /// Sets the kind, in place of [`Kind::Other`].
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Returns the kind, which determines the treatment by callers.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Names the file, unless an inner call has named a more specific one.
    pub fn in_file(mut self, file: impl AsRef<Path>) -> Self {
        for error in &mut self.0.others {
            error.0.file.get_or_insert_with(|| file.as_ref().to_path_buf());
        }
        self.0.file.get_or_insert_with(|| file.as_ref().to_path_buf());
        self
    }

    /// Names the layer (ONNX node), unless an inner call has.
    pub fn in_layer(mut self, layer: impl Into<String>) -> Self {
        self.0.layer.get_or_insert_with(|| layer.into());
        self
    }

    /// Names the key of the configuration (`calibration.data`), unless an inner call has.
    pub fn at_key(mut self, key: impl Into<String>) -> Self {
        self.0.key.get_or_insert_with(|| key.into());
        self
    }

    /// Prefixes the key, if there is one, with its table: `data` becomes `calibration.data`.
    pub fn in_table(mut self, table: &str) -> Self {
        let inside = |key: &String| key.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'));
        if let Some(key) = self.0.key.take_if(|key| !inside(key)) {
            self.0.key = Some(format!("{table}.{key}"));
        }
        self
    }

    /// Begins the sentence with its subject: "tensor 'w': it has no bytes".
    pub fn about(mut self, subject: &str) -> Self {
        self.0.what = format!("{subject}: {}", self.0.what);
        self
    }

    /// Adds help, unless an inner call has.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.0.help.get_or_insert_with(|| help.into());
        self
    }

    /// Says which text the key likely should have, for a fix; the help names it, too.
    pub fn meaning(mut self, value: impl Into<String>) -> Self {
        self.0.meant.get_or_insert_with(|| value.into());
        self
    }

    /// Returns the message.
    pub fn what(&self) -> &str {
        &self.0.what
    }
    /// Returns the file that caused the error.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }
    /// Returns the name of the layer (ONNX node) that caused the error.
    pub fn layer(&self) -> Option<&str> {
        self.0.layer.as_deref()
    }
    /// Returns the dotted key of the configuration that caused the error.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }
    /// Returns the help: what to do.
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }
    /// Returns the text that the key likely should have.
    pub fn meant(&self) -> Option<&str> {
        self.0.meant.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = self.file() {
            write!(f, "{}: ", file.display())?;
        }
        if let Some(layer) = self.layer() {
            write!(f, "layer {layer}: ")?;
        }
        if let Some(key) = self.key() {
            write!(f, "{key}: ")?;
        }
        f.write_str(self.what())?;
        if let Some(help) = self.help() {
            write!(f, "\n  help: {help}")?;
        }
        self.0.others.iter().try_for_each(|other| write!(f, "\n{other}"))
    }
}

impl std::error::Error for Error {}

/// `bail!("rank {} is not supported", n)` returns an [`Error`].
#[macro_export]
macro_rules! bail {
    ($($text:tt)*) => { return Err($crate::Error::new(format!($($text)*))) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_side_by_side_are_all_shown_with_their_file() {
        let errors = ["a", "b"].map(|layer| Error::new("is odd").in_layer(layer).with_help("fix it"));
        let both = Error::of_all(errors.to_vec()).unwrap().in_file("m.onnx");
        assert_eq!(
            both.to_string(),
            "m.onnx: layer a: is odd\n  help: fix it\nm.onnx: layer b: is odd\n  help: fix it"
        );
        assert_eq!(both.each().filter_map(Error::layer).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Error::of_all(Vec::new()), None);
    }
}
