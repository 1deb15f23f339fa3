//! From the text of `espq.toml` to a [`Config`] and all its problems.
//!
//! Never stops at the first problem: the rest is read as well as can be.

use toml::de::{DeTable, DeValue};

use crate::chip::{Method, Scheme, Target};
use crate::samples::{Channels, Layout, Resize};
use crate::text::{list, nearest};

use super::config::{Config, Data, Image, LayerChoice, Spanned};
use super::problem::{Problem, ProblemKind, Span, Suggestion};
use super::schema;

type Value<'i> = toml::Spanned<DeValue<'i>>;

/// A key as written, and its dotted name for messages.
struct Key<'t> {
    text: &'t str,
    span: Span,
    /// "model.path"
    path: String,
}

pub fn read(text: &str) -> (Config, Vec<Problem>) {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { text, problems: errors.iter().map(|e| syntax(text, e)).collect() };
    // One stray character can be several errors to the parser.
    reader.problems.dedup_by(|a, b| a.message == b.message && line_of(text, &a.span) == line_of(text, &b.span));
    let config = reader.document(document.get_ref());
    let broken = !errors.is_empty();
    if broken {
        // What the parser made of broken lines says nothing about what was meant.
        reader.problems.retain(|p| p.kind == ProblemKind::Syntax || p.kind == ProblemKind::UnknownKey);
    }
    reader.problems.sort_by_key(|p| p.span.start);
    (config, reader.problems)
}

fn syntax(text: &str, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let span = span.start.min(text.len())..span.end.min(text.len());
    let before = text.get(..span.start).and_then(|t| t.rsplit('\n').next()).unwrap_or_default();
    let rest = text.get(span.start..).and_then(|t| t.lines().next()).unwrap_or_default();
    let problem = Problem::new(ProblemKind::Syntax, span.clone(), error.message().trim_end_matches('.'));
    if format!("{before}{rest}").trim_start().starts_with('/') {
        return problem.with_help("names of layers stand in quotes: \"/features/0/Conv\" = \"int16\"");
    }
    let written = text.get(span.clone()).unwrap_or_default();
    match before.trim_end().ends_with('=') && written.starts_with(|c: char| c.is_alphabetic() || c == '.') {
        true => {
            let mut unquoted = Problem::new(ProblemKind::Syntax, span.clone(), format!("`{written}` is not in quotes"));
            unquoted.suggestion = Some(Suggestion { span, text: format!("\"{written}\"") });
            unquoted.with_help(format!("{}\"{written}\"", before.trim_start()))
        }
        false => problem,
    }
}

fn line_of(text: &str, span: &Span) -> usize {
    text.bytes().take(span.start).filter(|&b| b == b'\n').count()
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn document(&mut self, document: &DeTable) -> Config {
        let mut config = Config::default();
        let mut headers: [Option<Span>; 2] = [None, None];
        for (key, value) in entries("", document) {
            match key.text {
                "model" => {
                    headers[0] = Some(self.shown(value.span(), &key));
                    self.model(&key, value, &mut config);
                }
                "calibration" => {
                    headers[1] = Some(self.shown(value.span(), &key));
                    self.calibration(&key, value, &mut config);
                }
                "analysis" => {
                    for (key, value) in self.table(&key, value) {
                        match key.text {
                            "samples" => config.analysis.samples = self.count(&key, value),
                            _ => self.unknown_key(&key, "analysis"),
                        }
                    }
                }
                "precision" => config.precision = self.layers(&key, value, Scheme::ALL, Scheme::name),
                "limits" => {
                    for (key, value) in self.table(&key, value) {
                        match key.text {
                            "output-nsr" => config.limits.output_nsr = self.share(&key, value),
                            "layer-nsr" => config.limits.layer_nsr = self.share(&key, value),
                            _ => self.unknown_key(&key, "limits"),
                        }
                    }
                }
                "lint" => {
                    for (key, value) in self.table(&key, value) {
                        match key.text {
                            "select" => config.lint.select = self.strings(&key, value),
                            "ignore" => config.lint.ignore = self.strings(&key, value),
                            _ => self.unknown_key(&key, "lint"),
                        }
                    }
                }
                "export" => {
                    for (key, value) in self.table(&key, value) {
                        match key.text {
                            "esp-dl" => config.export.esp_dl = self.version(&key, value),
                            "test-values" => config.export.test_values = self.flag(&key, value),
                            _ => self.unknown_key(&key, "export"),
                        }
                    }
                }
                _ => self.unknown_table(&key),
            }
        }
        let [model, calibration] = headers;
        if !self.mentions("model.path", &config.model.path) {
            self.missing(model.clone(), "model.path", "the ONNX file: path = \"model.onnx\"");
        }
        if !self.mentions("model.target", &config.model.target) {
            self.missing(model, "model.target", "the chip: target = \"esp32p4\"");
        }
        let calibrates = !self.mentions("model.quantization", &config.model.quantization);
        if calibrates && !self.mentions("calibration.data", &config.calibration.data) {
            self.missing(calibration, "calibration.data", "where samples are: data = \"calib/*.npy\"");
        }
        config
    }

    /// Read, or a problem already: with its value, or written wrong.
    fn mentions<T>(&self, path: &str, value: &Option<T>) -> bool {
        let quoted = format!("`{path}`");
        let meant = |p: &Problem| {
            p.kind == ProblemKind::UnknownKey
                && p.suggestion.as_ref().is_some_and(|s| path.split('.').any(|part| part == s.text))
        };
        value.is_some() || self.problems.iter().any(|p| p.message.starts_with(&quoted) || meant(p))
    }

    fn model(&mut self, key: &Key, value: &Value, config: &mut Config) {
        for (key, value) in self.table(key, value) {
            match key.text {
                "path" => config.model.path = self.string(&key, value),
                "target" => config.model.target = self.name(&key, value, Target::ALL, Target::name),
                "precision" => config.model.precision = self.name(&key, value, Scheme::ALL, Scheme::name),
                "quantization" => config.model.quantization = self.string(&key, value),
                _ => self.unknown_key(&key, "model"),
            }
        }
    }

    fn calibration(&mut self, key: &Key, value: &Value, config: &mut Config) {
        let calibration = &mut config.calibration;
        for (key, value) in self.table(key, value) {
            match key.text {
                "data" => calibration.data = self.data(&key, value),
                "samples" => calibration.samples = self.count(&key, value),
                "method" => calibration.method = self.name(&key, value, Method::ALL, Method::name),
                "methods" => calibration.methods = self.layers(&key, value, Method::ALL, Method::name),
                "image" => self.image(&key, value, &mut calibration.image),
                _ => self.unknown_key(&key, "calibration"),
            }
        }
    }

    fn image(&mut self, key: &Key, value: &Value, image: &mut Image) {
        const CHANNELS: &[Channels] = &[Channels::Rgb, Channels::Bgr, Channels::Gray];
        const LAYOUTS: &[Layout] = &[Layout::Nchw, Layout::Nhwc];
        for (key, value) in self.table(key, value) {
            match key.text {
                "size" => image.size = self.size(&key, value),
                "resize" => image.resize = self.resize(&key, value),
                "channels" => {
                    image.channels = self.name(&key, value, CHANNELS, |c| match c {
                        Channels::Rgb => "rgb",
                        Channels::Bgr => "bgr",
                        Channels::Gray => "gray",
                    })
                }
                "layout" => {
                    image.layout = self.name(&key, value, LAYOUTS, |l| match l {
                        Layout::Nchw => "nchw",
                        Layout::Nhwc => "nhwc",
                    })
                }
                "scale" => image.scale = self.factor(&key, value),
                "mean" => image.mean = self.per_channel(&key, value),
                "std" => image.std = self.deviation(&key, value),
                _ => self.unknown_key(&key, "calibration.image"),
            }
        }
    }

    fn data(&mut self, key: &Key, value: &Value) -> Option<Spanned<Data>> {
        const EXAMPLE: &str = "data = \"calib/*.npy\", or one line per input: { \"input.1\" = \"a.npy\" }";
        let data = match value.get_ref() {
            DeValue::String(path) => Data::One(path.to_string()),
            DeValue::Table(table) => {
                let inputs = entries(&key.path, table);
                let read = |(k, v): (Key, &Value)| {
                    let name = Spanned { value: k.text.to_string(), span: k.span.clone() };
                    self.string(&k, v).map(|d| (name, d))
                };
                Data::PerInput(inputs.into_iter().filter_map(read).collect())
            }
            other => return self.wrong_type(key, value.span(), other, "a path or a table of paths", EXAMPLE),
        };
        Some(Spanned { value: data, span: value.span() })
    }

    /// A table whose keys are names of layers.
    fn layers<T: Copy>(
        &mut self,
        key: &Key,
        value: &Value,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Vec<LayerChoice<T>> {
        let mut choices = Vec::new();
        for (key, value) in self.table(key, value) {
            if let DeValue::Table(_) = value.get_ref() {
                let message = format!("`{}` is a table, where a layer's name should stand", key.path);
                let help = "names of layers stand in quotes, dots and all: \"features.0.conv\" = \"int16\"";
                self.problems.push(Problem::new(ProblemKind::InvalidValue, key.span, message).with_help(help));
            } else if let Some(choice) = self.name(&key, value, all, &name) {
                let layer = Spanned { value: key.text.to_string(), span: key.span };
                choices.push(LayerChoice { layer, choice });
            }
        }
        choices
    }

    fn table<'v>(&mut self, key: &Key, value: &'v Value) -> Vec<(Key<'v>, &'v Value<'v>)> {
        match value.get_ref() {
            DeValue::Table(table) => entries(&key.path, table),
            other => {
                let help = format!("[{}]", key.path);
                self.wrong_type::<()>(key, value.span(), other, "a table", &help);
                Vec::new()
            }
        }
    }

    fn string(&mut self, key: &Key, value: &Value) -> Option<Spanned<String>> {
        match value.get_ref() {
            DeValue::String(s) if s.is_empty() => self.invalid(key, value.span(), "is empty", None),
            DeValue::String(s) => Some(Spanned { value: s.to_string(), span: value.span() }),
            other => self.wrong_type(key, value.span(), other, "a string", &format!("{} = \"...\"", key.text)),
        }
    }

    /// A list of strings; one alone is a list of one.
    fn strings(&mut self, key: &Key, value: &Value) -> Vec<Spanned<String>> {
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| self.string(key, item)).collect(),
            DeValue::String(_) => self.string(key, value).into_iter().collect(),
            other => {
                let help = format!("{} = [\"E002\"]", key.text);
                self.wrong_type::<()>(key, value.span(), other, "a list of strings", &help);
                Vec::new()
            }
        }
    }

    fn name<T: Copy>(
        &mut self,
        key: &Key,
        value: &Value,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Option<Spanned<T>> {
        let written = self.string(key, value)?;
        if let Some(&found) = all.iter().find(|&&v| name(v) == written.value) {
            return Some(Spanned { value: found, span: written.span });
        }
        let names: Vec<&str> = all.iter().map(|&v| name(v)).collect();
        let near = nearest(&written.value, names.iter().copied());
        let mut problem = Problem::new(
            ProblemKind::InvalidValue,
            written.span.clone(),
            format!("`{}` cannot be `{}`", key.path, written.value),
        );
        problem.help = Some(match near {
            Some(near) => format!("did you mean `{near}`? It can be {}", list(names)),
            None => format!("it can be {}", list(names)),
        });
        problem.suggestion = near.map(|near| Suggestion { span: written.span, text: format!("\"{near}\"") });
        self.problems.push(problem);
        None
    }

    /// A whole number from 1 on.
    fn count(&mut self, key: &Key, value: &Value) -> Option<Spanned<usize>> {
        match value.get_ref() {
            DeValue::Integer(_) => match integer(value).and_then(|n| usize::try_from(n).ok()) {
                Some(n) if n > 0 => Some(Spanned { value: n, span: value.span() }),
                _ => self.invalid(key, value.span(), "must be 1 or more", None),
            },
            other => self.wrong_type(key, value.span(), other, "a whole number", &format!("{} = 32", key.text)),
        }
    }

    fn flag(&mut self, key: &Key, value: &Value) -> Option<Spanned<bool>> {
        match value.get_ref() {
            DeValue::Boolean(b) => Some(Spanned { value: *b, span: value.span() }),
            other => self.wrong_type(key, value.span(), other, "true or false", &format!("{} = true", key.text)),
        }
    }

    /// "10%" or 0.1.
    fn share(&mut self, key: &Key, value: &Value) -> Option<Spanned<f64>> {
        let share = match value.get_ref() {
            DeValue::String(s) => {
                s.trim().strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok()).map(|n| n / 100.0)
            }
            _ => number(value),
        };
        match share {
            Some(share) if share.is_finite() && share >= 0.0 => Some(Spanned { value: share, span: value.span() }),
            _ => {
                let help = format!("{} = \"10%\", or 0.1 for the same", key.text);
                self.invalid(key, value.span(), "is not a share", Some(help))
            }
        }
    }

    fn version(&mut self, key: &Key, value: &Value) -> Option<Spanned<[u32; 3]>> {
        let written = self.string(key, value)?;
        let parts: Vec<Option<u32>> = written.value.split('.').map(|p| p.parse().ok()).collect();
        match parts.as_slice() {
            &[Some(major), Some(minor), Some(patch)] => {
                Some(Spanned { value: [major, minor, patch], span: written.span })
            }
            _ => self.invalid(key, written.span, "is not a version", Some(format!("{} = \"3.3.9\"", key.text))),
        }
    }

    fn size(&mut self, key: &Key, value: &Value) -> Option<Spanned<[u32; 2]>> {
        let side = |v: &Value| integer(v).and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=16384).contains(n));
        let sides: Vec<Option<u32>> = match value.get_ref() {
            DeValue::Integer(_) => vec![side(value); 2],
            DeValue::Array(items) => items.iter().map(side).collect(),
            _ => Vec::new(),
        };
        match sides.as_slice() {
            &[Some(height), Some(width)] => Some(Spanned { value: [height, width], span: value.span() }),
            _ => {
                let help = "size = [224, 224] is height and width, each 1 to 16384".to_string();
                self.invalid(key, value.span(), "is not a size", Some(help))
            }
        }
    }

    fn resize(&mut self, key: &Key, value: &Value) -> Option<Spanned<Resize>> {
        if let DeValue::String(_) = value.get_ref() {
            return self.name(key, value, &[Resize::Stretch, Resize::Crop], |r| match r {
                Resize::Stretch => "stretch",
                Resize::Crop | Resize::ShorterSide(_) => "crop",
            });
        }
        match integer(value).and_then(|n| u32::try_from(n).ok()) {
            Some(n) if (1..=16384).contains(&n) => Some(Spanned { value: Resize::ShorterSide(n), span: value.span() }),
            _ => {
                let help = "\"stretch\", \"crop\", or the shorter side's length before the crop: resize = 256";
                self.invalid(key, value.span(), "is no way to resize", Some(help.to_string()))
            }
        }
    }

    fn factor(&mut self, key: &Key, value: &Value) -> Option<Spanned<f32>> {
        match number(value) {
            Some(n) if n.is_finite() => Some(Spanned { value: n as f32, span: value.span() }),
            _ => self.wrong_type(key, value.span(), value.get_ref(), "a number", &format!("{} = 1.0", key.text)),
        }
    }

    /// One number for all channels, or a list.
    fn per_channel(&mut self, key: &Key, value: &Value) -> Option<Spanned<Vec<f32>>> {
        let numbers: Option<Vec<f64>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().map(number).collect(),
            _ => number(value).map(|n| vec![n]),
        };
        match numbers {
            Some(numbers) if !numbers.is_empty() && numbers.iter().all(|n| n.is_finite()) => {
                Some(Spanned { value: numbers.into_iter().map(|n| n as f32).collect(), span: value.span() })
            }
            _ => {
                let help = format!("{} = [0.485, 0.456, 0.406], one number per channel, or one for all", key.text);
                self.invalid(key, value.span(), "is not a list of numbers", Some(help))
            }
        }
    }

    fn deviation(&mut self, key: &Key, value: &Value) -> Option<Spanned<Vec<f32>>> {
        let std = self.per_channel(key, value)?;
        match std.value.iter().all(|&s| s != 0.0) {
            true => Some(std),
            false => self.invalid(key, std.span, "divides by 0", Some("leave `std` out for 1".to_string())),
        }
    }

    fn invalid<T>(&mut self, key: &Key, span: Span, what: &str, help: Option<String>) -> Option<T> {
        let mut problem = Problem::new(ProblemKind::InvalidValue, span, format!("`{}` {what}", key.path));
        problem.help = help;
        self.problems.push(problem);
        None
    }

    fn wrong_type<T>(&mut self, key: &Key, span: Span, value: &DeValue, wanted: &str, help: &str) -> Option<T> {
        let what = format!("is {}, not {wanted}", kind_of(value));
        self.invalid(key, span, &what, Some(format!("write {help}")))
    }

    fn unknown_key(&mut self, key: &Key, table: &str) {
        let known = schema::table(table).map_or(&[][..], |t| t.keys).iter().map(|k| k.name);
        let message = format!("`{}` is no key of [{table}]", key.text);
        self.unknown(key, message, known.collect());
    }

    fn unknown_table(&mut self, key: &Key) {
        let known = schema::TABLES.iter().map(|t| t.name).filter(|n| !n.contains('.')).collect();
        self.unknown(key, format!("`{}` is no table of espq.toml", key.text), known);
    }

    fn unknown(&mut self, key: &Key, message: String, known: Vec<&str>) {
        let near = nearest(key.text, known.iter().copied());
        let mut problem = Problem::new(ProblemKind::UnknownKey, key.span.clone(), message);
        problem.help = Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there {} {}", if known.len() == 1 { "is" } else { "are" }, all(&known)),
        });
        problem.suggestion = near.map(|near| Suggestion { span: key.span.clone(), text: near.to_string() });
        self.problems.push(problem);
    }

    fn missing(&mut self, header: Option<Span>, key: &'static str, help: &str) {
        let span = header.unwrap_or(0..0);
        let mut problem = Problem::new(ProblemKind::MissingKey, span, format!("`{key}` is missing"));
        problem.missing = Some(key);
        self.problems.push(problem.with_help(format!("add {help}")));
    }

    /// The span to show for a table: its header, or its key where it is written in line.
    fn shown(&self, span: Span, key: &Key) -> Span {
        match self.text.get(span.clone()).is_some_and(|t| t.starts_with('[')) {
            true => span,
            false => key.span.clone(),
        }
    }
}

fn all(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match names.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        names => names.concat(),
    }
}

/// In the order of the text.
fn entries<'t>(table_path: &str, table: &'t DeTable<'t>) -> Vec<(Key<'t>, &'t Value<'t>)> {
    let mut entries: Vec<(Key, &Value)> = table
        .iter()
        .map(|(key, value)| {
            let text: &str = key.get_ref();
            let path = if table_path.is_empty() { text.to_string() } else { format!("{table_path}.{text}") };
            (Key { text, span: key.span(), path }, value)
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    entries
}

fn integer(value: &Value) -> Option<i64> {
    match value.get_ref() {
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix()).ok(),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value.get_ref() {
        DeValue::Float(f) => f.as_str().parse().ok(),
        _ => integer(value).map(|n| n as f64),
    }
}

fn kind_of(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
