//! The user's project: typed values of `espq.toml` with their spans in the text, and its samples.
//!
//! Never: editors, terminals, execution of a model.

mod comments;
mod config;
pub mod cursor;
mod declare;
pub mod edit;
mod ends;
mod exclude;
mod glob;
mod initial;
mod input_shapes;
mod keys;
mod labels;
mod locate;
mod missing;
pub mod outline;
mod output;
mod overlay;
mod pass_options;
mod problem;
mod quantities;
mod reader;
mod samples;
pub mod schema;
mod values;
mod words;

use std::path::{Path, PathBuf};

use crate::{Error, Result, file as files};

pub use comments::Ignore;
pub use config::{Data, EndName, EndNames, HELD_OUT, InputShapes, LayerChoice, Observer, Overrides, Spanned};
pub use declare::{Given, Key, Offers, Stage};
pub use initial::{Initial, initial};
pub use keys::{Accuracy, Analysis, Calibration, Config, Export, Image, Limits, Lint, Model, Optimize};
pub use locate::{Search, is_configuration};
pub use overlay::text_of as overlay_text;
pub use pass_options::Switch;
pub use problem::{Problem, ProblemKind};
pub use quantities::{Bytes, Milliseconds};
pub use samples::Named;
pub use values::Value;

/// Maximum length of a configuration, in bytes.
pub const LONGEST: u64 = 4 << 20;

/// Endings of samples.
const SAMPLES: [&str; 6] = ["npy", "npz", "png", "jpg", "jpeg", "bmp"];
/// Endings of the files in which exporters store weights separately.
const EXTERNAL_DATA: [&str; 3] = ["data", "bin", "onnx_data"];

/// Configuration as read from its text, valid or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// File of the configuration.
    pub file: PathBuf,
    /// Text of the file; spans are byte ranges of it.
    pub text: String,
    /// Values that could be read.
    pub config: Config,
    /// Problems of the text, in its order.
    pub problems: Vec<Problem>,
    /// Comments that leave findings out, in the order of the text.
    pub ignores: Vec<Ignore>,
}

impl Project {
    /// Loads a configuration from its file, or from the folder that contains it.
    ///
    /// Errors inside the file are in `problems`; this fails only if the file cannot be found or read.
    pub fn load(path: &Path) -> Result<Project> {
        let file = locate::configuration(path)?;
        let text = files::text(&file, LONGEST)
            .map_err(|e| e.with_help("check the path, the link if it is one, and its permissions"))?;
        Ok(Project::parse(file, text))
    }

    /// Loads a configuration; a file that cannot be read becomes a project with that problem, and with what can be shown
    /// of its text.
    pub fn load_or_problem(file: &Path) -> Project {
        match Project::load(file) {
            Ok(project) => project,
            Err(error) => Project::unreadable(file, &error),
        }
    }

    /// Makes a project of a file or a folder that cannot be read.
    pub fn unreadable(file: &Path, error: &Error) -> Project {
        let bytes = files::read(file, LONGEST).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // Up to the first fault, both have the same bytes; the replacement character is a place to point at.
        let at = std::str::from_utf8(&bytes).map_or_else(|e| e.valid_up_to(), |_| 0);
        let span = at..text[at..].chars().next().map_or(at, |first| at + first.len_utf8());
        let mut problem = Problem::new(ProblemKind::Unreadable, "", span, error.what());
        problem.help = error.help().map(str::to_string);
        let (config, problems, ignores) = (Config::default(), vec![problem], Vec::new());
        Project { file: file.to_path_buf(), text, config, problems, ignores }
    }

    /// Overrides values of the text, which may then be missing there.
    pub fn apply(&mut self, overrides: &Overrides) {
        self.config.apply(overrides);
        if overrides.target.is_some() {
            self.problems.retain(|p| p.kind != ProblemKind::MissingKey || p.key != "model.target");
        }
    }

    /// Finds every configuration at or under a path, as `espq lint` checks them.
    ///
    /// A path to a file is always included. In folders, hidden folders, links to folders, paths ignored by git, folders such
    /// as `node_modules` and paths in `lint.exclude` are skipped.
    pub fn find(path: &Path) -> Search {
        locate::configurations(path)
    }

    /// Returns the configurations in the file's folder, or above it in its repository, that read the file, or that
    /// would read it if it still existed.
    ///
    /// If no configuration reads the file, it may have been renamed; the result is then the configurations with a
    /// missing file of its kind.
    pub fn owners(file: &Path) -> Result<Vec<PathBuf>> {
        let wanted = place(&std::path::absolute(file).map_err(|e| unreadable(file, &e))?);
        let mut owners = Vec::new();
        let mut incomplete = Vec::new();
        for folder in folders_above(&wanted) {
            for configuration in locate::in_folder(folder).unwrap_or_default() {
                // A configuration that cannot be read owns nothing; linting it reports the reason.
                let Ok(project) = Project::load(&configuration) else { continue };
                if project.reads(&wanted) {
                    owners.push(configuration);
                } else if project.lacks(&wanted) {
                    incomplete.push(configuration);
                }
            }
        }
        Ok(if owners.is_empty() { incomplete } else { owners })
    }

    fn reads(&self, wanted: &Path) -> bool {
        if self.may_hold_weights(wanted) {
            return true;
        }
        if wanted.exists() {
            return self.files().iter().any(|f| place(f) == wanted);
        }
        let named = self.named_files().iter().any(|f| place(f) == wanted);
        named || self.sample_folders().iter().any(|folder| wanted.starts_with(place(folder)))
    }

    /// Returns `true` if a file (in the form of [`place`]) may be external data of the model; only the model's content
    /// determines its files.
    pub fn may_hold_weights(&self, file: &Path) -> bool {
        let ending = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let Some(model) = self.config.model.path.as_ref().filter(|_| EXTERNAL_DATA.contains(&ending)) else {
            return false;
        };
        place(&self.resolve(&model.value)).parent().is_some_and(|folder| file.starts_with(folder))
    }

    /// Returns `true` if a file is missing that `like` may be after renaming.
    fn lacks(&self, like: &Path) -> bool {
        let arrays = like.extension().is_some_and(|e| e == "npy" || e == "npz");
        let alike = |gone: &Path| gone.extension() == like.extension() || (gone.extension().is_none() && arrays);
        let is_gone = |pattern: &PathBuf| glob::files(pattern).is_ok_and(|found| found.files.is_empty());
        self.named_files().iter().chain(&self.sample_patterns()).any(|file| alike(file) && is_gone(file))
    }

    /// Returns the existing files that the project reads: the model, its scales, the constants of its board, and the samples.
    pub fn files(&self) -> Vec<PathBuf> {
        let samples = self.sample_files().unwrap_or_default();
        let named = self.named_files().into_iter().filter(|f| f.is_file());
        named.chain(samples.into_iter().flat_map(|named| named.files)).collect()
    }

    /// Returns the files that the text names individually, whether they exist or not.
    pub fn named_files(&self) -> Vec<PathBuf> {
        let (model, board) = (&self.config.model, &self.config.board);
        let named = [&model.path, &model.quantization, &board.constants];
        let named = named.into_iter().flatten().map(|named| self.resolve(&named.value));
        named.chain(self.label_files()).collect()
    }

    /// Returns the folders whose files may be samples.
    pub fn sample_folders(&self) -> Vec<PathBuf> {
        self.sample_patterns().iter().map(|pattern| glob::folder_of(pattern)).collect()
    }

    /// Returns `true` if a file (in the form of [`place`]), which may be gone, is a sample, or a folder of some. Others beside the
    /// samples, such as the configuration and what editors write for a moment, are none.
    pub fn may_read_samples(&self, file: &Path) -> bool {
        let ending = file.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
        let may_be = ending.map_or_else(|| file.is_dir(), |ending| SAMPLES.contains(&ending.as_str()));
        self.sample_patterns().iter().any(|pattern| {
            // The path itself, or a folder above it.
            place(pattern).starts_with(file)
                || (may_be && glob::is_pattern_of_many(pattern) && file.starts_with(place(&glob::folder_of(pattern))))
        })
    }

    /// Returns `true` if the text is sufficient for measurements. An unknown key does not prevent them.
    pub fn is_sound(&self) -> bool {
        self.problems.iter().all(|p| p.kind == ProblemKind::UnknownKey)
    }

    /// Parses a text, which need not have been saved.
    pub fn parse(file: impl Into<PathBuf>, text: impl Into<String>) -> Project {
        let text = text.into();
        let (config, problems) = reader::read(&text);
        let ignores = comments::ignores(&text);
        Project { file: file.into(), text, config, problems, ignores }
    }

    /// Renames layers by `layer_of`; places in the text stay. Returns `None` if no name changes.
    pub fn with_layers(&self, layer_of: impl Fn(&str) -> Option<String>) -> Option<Project> {
        let mut named = self.clone();
        let precision = named.config.precision.iter_mut().map(|line| &mut line.layer.value);
        let methods = named.config.calibration.methods.iter_mut().map(|line| &mut line.layer.value);
        let limits = named.config.limits.layers.iter_mut().map(|line| &mut line.layer.value);
        for name in precision.chain(methods).chain(limits) {
            if let Some(layer) = layer_of(name) {
                *name = layer;
            }
        }
        (named.config != self.config).then_some(named)
    }

    /// Returns the folder to which paths in the configuration are relative.
    pub fn folder(&self) -> &Path {
        match self.file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// Returns the path of a file that the configuration names.
    pub fn resolve(&self, path: &str) -> PathBuf {
        let joined = self.folder().join(path);
        joined.strip_prefix(".").map(Path::to_path_buf).unwrap_or(joined)
    }

    /// Returns the path of the model's file, which exists, but may be a folder.
    pub fn model_path(&self) -> Result<PathBuf> {
        let path = self.config.model.path.as_ref().ok_or_else(|| {
            Error::new("the model's file is not configured").at_key("model.path").with_help("add path = \"model.onnx\"")
        })?;
        let resolved = self.resolve(&path.value);
        if !resolved.exists() {
            let error = Error::new(format!("there is no file {}", resolved.display())).at_key("model.path");
            return Err(missing::file(self, &path.value).explain(error));
        }
        Ok(resolved)
    }
}

/// Returns the folders from a file's up to the root of its repository, or of the file system if there is none.
fn folders_above(file: &Path) -> impl Iterator<Item = &Path> {
    let mut inside = true;
    file.ancestors().skip(1).take_while(move |folder| std::mem::replace(&mut inside, !folder.join(".git").exists()))
}

/// Resolves links and dots of a path, as far as it exists.
pub fn place(path: &Path) -> PathBuf {
    let beside = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(beside).unwrap_or_else(|| path.to_path_buf())
}

fn unreadable(file: &Path, error: &std::io::Error) -> Error {
    Error::new(format!("cannot be read: {error}")).in_file(file)
}
