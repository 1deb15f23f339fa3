//! Edits of a configuration's text that keep its comments and its layout.

use toml_edit::{DocumentMut, Item, Key, Table, value};

use crate::chip::Scheme;
use crate::text::{Edit, Span, difference};

use super::Project;

/// Gives layers a precision in `[precision]`, on all lines that stand for them. Returns `None` if the text is not TOML,
/// or if nothing would change.
pub fn set_precision(project: &Project, layers: &[(&str, Scheme)]) -> Option<Edit> {
    let text = project.text.as_str();
    let mut document = Document::of(text)?;
    document.open("precision")?;
    let item = document.0.entry("precision").or_insert_with(|| Item::Table(Table::new()));
    if let Some(inline) = item.as_inline_table_mut()
        && inline.is_empty()
    {
        // The space between its braces would otherwise come after the first entry.
        inline.set_trailing("");
    }
    let table = item.as_table_like_mut()?;
    for (layer, scheme) in layers {
        for name in written(project, layer) {
            match table.get_mut(&name).and_then(Item::as_value_mut) {
                Some(old) => {
                    let decor = old.decor().clone();
                    *old = scheme.name().into();
                    *old.decor_mut() = decor;
                }
                None => drop(table.entry_format(&quoted(&name)).or_insert(value(scheme.name()))),
            }
        }
    }
    if let Some(inline) = item.as_inline_table_mut() {
        inline.fmt();
    }
    difference(text, &document.written(text))
}

/// Text as TOML that can be changed.
struct Document(DocumentMut);

impl Document {
    fn of(text: &str) -> Option<Document> {
        text.parse().ok().map(Document)
    }

    /// Adds a table where there is none: in the place of its header in a comment, as `espq init` writes it with an
    /// example, else at the end. Comments keep their places.
    fn open(&mut self, table: &str) -> Option<()> {
        if self.0.contains_key(table) {
            return Some(());
        }
        self.add(table)
    }

    /// Adds a table that is not there, by its dotted name.
    fn add(&mut self, table: &str) -> Option<()> {
        let mut text = self.0.to_string();
        match commented(&text, table) {
            Some(line) => text.replace_range(line, &format!("[{table}]")),
            None => {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                let gap = if text.trim().is_empty() { "" } else { "\n" };
                text.push_str(&format!("{gap}[{table}]\n"));
            }
        }
        self.0 = text.parse().ok()?;
        Some(())
    }

    /// Returns the whole text with the marks of `before` that the parser does not keep.
    fn written(&self, before: &str) -> String {
        let mut edited = self.0.to_string();
        if !before.ends_with('\n') && edited.ends_with('\n') && edited.lines().count() == before.lines().count() {
            // The last line keeps a missing line ending.
            edited.pop();
        }
        if before.contains("\r\n") {
            edited = edited.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        if before.starts_with(BYTE_ORDER_MARK) && !edited.starts_with(BYTE_ORDER_MARK) {
            edited.insert(0, BYTE_ORDER_MARK);
        }
        edited
    }
}

/// Mark that some Windows editors begin a file with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Returns the bytes of the only line that is the table's header in a comment.
fn commented(text: &str, table: &str) -> Option<Span> {
    let comments = super::comments::comments(text);
    let mut headers = comments.into_iter().filter(|comment| {
        let is_alone = comment.start == 0 || text[..comment.start].ends_with('\n');
        is_alone && text[comment.clone()].trim_start_matches('#').trim() == format!("[{table}]")
    });
    headers.next().filter(|_| headers.next().is_none())
}

/// Switches passes of `[optimize]` on, and gives layers a precision. Returns `None` if the text is not TOML, or if nothing
/// would change.
pub fn set_passes(project: &Project, passes: &[&str], layers: &[(&str, Scheme)]) -> Option<Edit> {
    let on: Vec<(&str, &str, String)> = passes.iter().map(|pass| ("optimize", *pass, "true".to_string())).collect();
    let precision = if layers.is_empty() { None } else { set_precision(project, layers) };
    let text = crate::text::apply(&project.text, &precision);
    let switched = crate::text::apply(&text, &set_keys(&text, &on));
    difference(&project.text, &switched)
}

/// Returns the names under which `[precision]` lists a layer, which may be those of nodes within it; else its own.
fn written(project: &Project, layer: &str) -> Vec<String> {
    let lines = project.config.precision.iter().filter(|line| line.layer.value == layer);
    let key = |span: &Span| Some(Key::parse(project.text.get(span.clone())?).ok()?.pop()?.get().to_string());
    let names: Vec<String> = lines.filter_map(|line| key(&line.layer.span)).collect();
    if names.is_empty() { vec![layer.to_string()] } else { names }
}

/// Sets keys to values that are written as TOML, each named by its table and its name. Returns `None` if the text is
/// not TOML, or if nothing would change.
pub fn set_keys(text: &str, values: &[(&str, &str, String)]) -> Option<Edit> {
    let mut document = Document::of(text)?;
    for (table, key, written) in values {
        document.open(table)?;
        let item = document.0.entry(table).or_insert_with(|| Item::Table(Table::new()));
        let table = item.as_table_like_mut()?;
        let new: toml_edit::Value = written.parse().ok()?;
        match table.get_mut(key).and_then(Item::as_value_mut) {
            Some(old) => {
                let decor = old.decor().clone();
                *old = new;
                *old.decor_mut() = decor;
            }
            None => drop(table.insert(key, value(new))),
        }
    }
    difference(text, &document.written(text))
}

/// Gives a layer its own limit in `[limits.layers]`, written as TOML. Returns `None` if the text is not TOML, or if nothing
/// would change.
pub fn set_layer_limit(text: &str, layer: &str, written: &str) -> Option<Edit> {
    let mut document = Document::of(text)?;
    let new: toml_edit::Value = written.parse().ok()?;
    let is_there = document.0.get("limits").and_then(|limits| limits.get("layers")).is_some();
    if !is_there {
        match document.0.get_mut("limits") {
            // A table in braces cannot have a header below it.
            Some(limits) if limits.is_inline_table() => {
                limits.as_table_like_mut()?.insert("layers", value(toml_edit::InlineTable::new()));
            }
            _ => document.add("limits.layers")?,
        }
    }
    let table = document.0.get_mut("limits")?.get_mut("layers")?.as_table_like_mut()?;
    match table.get_mut(layer).and_then(Item::as_value_mut) {
        Some(old) => {
            let decor = old.decor().clone();
            *old = new;
            *old.decor_mut() = decor;
        }
        None => drop(table.entry_format(&quoted(layer)).or_insert(value(new))),
    }
    difference(text, &document.written(text))
}

/// Ends the network at these values, each with its new name, in a table of its own. Returns `None` if the text is not TOML, or
/// if it ends the network already.
pub fn set_outputs(text: &str, outputs: &[(String, String)]) -> Option<Edit> {
    let mut document: DocumentMut = text.parse().ok()?;
    let model = document.get_mut("model")?;
    if model.as_table_like()?.contains_key("outputs") {
        return None;
    }
    match model.as_table_mut() {
        Some(model) => {
            let mut table = Table::new();
            table.decor_mut().set_prefix("\n");
            outputs.iter().for_each(|(name, at)| drop(table.insert(name, value(at.as_str()))));
            model.insert("outputs", Item::Table(table));
        }
        None => {
            let entries = outputs.iter().map(|(name, at)| (name.as_str(), at.as_str()));
            let table: toml_edit::InlineTable = entries.collect();
            model.as_table_like_mut()?.insert("outputs", value(table));
        }
    }
    let mut changed = document.to_string();
    if text.contains("\r\n") {
        changed = changed.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    difference(text, &changed)
}

/// Makes a key in quotes, even if TOML does not require them, as for all names of layers.
fn quoted(layer: &str) -> Key {
    let text = toml::Value::String(layer.to_string()).to_string();
    let parsed = Key::parse(&text).ok().and_then(|mut keys| keys.pop());
    parsed.unwrap_or_else(|| Key::new(layer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_set_in_existing_and_new_tables() {
        let text = "[calibration]\n# ours\nmethod = \"kl\" # as before\n";
        let values = [("calibration", "method", "\"minmax\"".to_string()), ("optimize", "round", "true".to_string())];
        let edit = set_keys(text, &values).unwrap();
        let mut changed = text.to_string();
        changed.replace_range(edit.span, &edit.text);
        assert_eq!(changed, "[calibration]\n# ours\nmethod = \"minmax\" # as before\n\n[optimize]\nround = true\n");
    }

    #[test]
    fn a_layer_gets_a_limit_of_its_own() {
        let limited = |text: &str| crate::text::apply(text, &set_layer_limit(text, "/a/Conv", "\"16%\""));
        assert_eq!(
            limited("[limits]\nlayer-nsr = \"1%\" # ours\n"),
            "[limits]\nlayer-nsr = \"1%\" # ours\n\n[limits.layers]\n\"/a/Conv\" = \"16%\"\n"
        );
        assert_eq!(limited("x = 1\n"), "x = 1\n\n[limits.layers]\n\"/a/Conv\" = \"16%\"\n");
        let known = "[limits.layers]\n\"/a/Conv\" = \"2%\" # known\n";
        assert_eq!(limited(known), known.replace("2%", "16%"));
        let inline = limited("limits = { layer-nsr = \"1%\" }\n");
        assert!(inline.contains("\"/a/Conv\" = \"16%\"") && inline.lines().count() == 1, "{inline}");
        assert_eq!(set_layer_limit("not TOML", "/a", "1"), None);
    }

    #[test]
    fn outputs_are_a_table_behind_the_models_keys() {
        let text = "[model] # ours\npath = \"m.onnx\"\n\n[calibration]\ndata = \"a\"\n";
        let outputs = [("box0".to_string(), "/a/Conv".to_string()), ("score0".to_string(), "/b/Conv".to_string())];
        let changed = crate::text::apply(text, &set_outputs(text, &outputs));
        let table = "\n[model.outputs]\nbox0 = \"/a/Conv\"\nscore0 = \"/b/Conv\"\n";
        assert_eq!(changed, text.replace("\n\n[cal", &format!("\n{table}\n[cal")));
        assert_eq!(set_outputs(&changed, &outputs), None);
        let project = Project::parse("espq.toml", changed);
        let ends = project.config.model.outputs.unwrap().value.0;
        assert_eq!(ends.iter().map(|end| end.name.as_deref()).collect::<Vec<_>>(), [Some("box0"), Some("score0")]);
    }

    fn set(text: &str, layers: &[(&str, Scheme)]) -> String {
        crate::text::apply(text, &set_precision(&Project::parse("espq.toml", text), layers))
    }

    #[test]
    fn a_layer_is_set_on_the_lines_of_its_parts() {
        let text = "[precision]\n\"/fc/MatMul\" = \"int8\" # here\n'/fc/Add' = \"int8\"\n";
        let layer = |name: &str| name.starts_with("/fc/").then(|| "Gemm_0".to_string());
        let project = Project::parse("espq.toml", text).with_layers(layer).unwrap();
        let changed = crate::text::apply(text, &set_precision(&project, &[("Gemm_0", Scheme::Int16)]));
        assert_eq!(changed, text.replace("int8", "int16"));
    }

    #[test]
    fn a_new_table_is_appended() {
        let text = "# mine\n[model]\npath = \"m.onnx\" # here\n";
        let expected = format!("{text}\n[precision]\n\"/a/Conv\" = \"int16\"\n");
        assert_eq!(set(text, &[("/a/Conv", Scheme::Int16)]), expected);
    }

    #[test]
    fn lines_are_added_to_a_table_in_the_middle_without_other_changes() {
        let text = "[precision] # by layer\n\"/a\"   =  'int8'\n\n[limits]\nlayer-nsr=0.1\n";
        let expected = "[precision] # by layer\n\"/a\"   =  'int8'\n\"/b\" = \"int16\"\n\n[limits]\nlayer-nsr=0.1\n";
        assert_eq!(set(text, &[("/b", Scheme::Int16)]), expected);
    }

    #[test]
    fn a_value_is_replaced_with_its_comment_kept() {
        let text = "[precision]\n\"/a\" = \"int8\"  # hot\n";
        assert_eq!(set(text, &[("/a", Scheme::Int16)]), "[precision]\n\"/a\" = \"int16\"  # hot\n");
        assert_eq!(set_precision(&Project::parse("espq.toml", text), &[("/a", Scheme::Int8)]), None);
    }

    #[test]
    fn inline_tables_dotted_names_and_windows_lines() {
        assert_eq!(
            set("precision = { \"/a\" = \"int8\" }\n", &[("/b", Scheme::Int16)]),
            "precision = { \"/a\" = \"int8\", \"/b\" = \"int16\" }\n"
        );
        assert_eq!(set("precision = { }\n", &[("/b", Scheme::Int16)]), "precision = { \"/b\" = \"int16\" }\n");
        assert_eq!(set("[precision]\r\n", &[("a.b", Scheme::Int16)]), "[precision]\r\n\"a.b\" = \"int16\"\r\n");
        assert_eq!(set("[precision]\n", &[("conv0", Scheme::Int16)]), "[precision]\n\"conv0\" = \"int16\"\n");
    }

    #[test]
    fn a_last_line_without_an_end_is_kept() {
        let text = "[precision]\n\"/a\" = \"int8\"\n[limits]\nlayer-nsr = 0.1";
        let edit = set_precision(&Project::parse("espq.toml", text), &[("/a", Scheme::Int16)]).unwrap();
        assert_eq!((&text[edit.span], edit.text.as_str()), ("8", "16"));
    }

    #[test]
    fn a_new_table_takes_the_place_of_its_header_in_a_comment() {
        let text = "[model]\npath = \"m.onnx\"\n\n# Precision of single layers.\n# [precision]\n# \"/x\" = \"int16\"\n";
        let expected = text.replace("# [precision]\n", "[precision]\n\"/a\" = \"int16\"\n");
        assert_eq!(set(text, &[("/a", Scheme::Int16)]), expected);
        let text = "[model]\npath = \"m.onnx\"\n# The end.\n";
        assert_eq!(set(text, &[("/a", Scheme::Int16)]), format!("{text}\n[precision]\n\"/a\" = \"int16\"\n"));
    }

    #[test]
    fn a_byte_order_mark_is_kept() {
        let text = "\u{feff}[model]\r\npath = \"m.onnx\"\r\n";
        let expected = format!("{text}\r\n[precision]\r\n\"/a\" = \"int16\"\r\n");
        assert_eq!(set(text, &[("/a", Scheme::Int16)]), expected);
        let edit = set_keys(text, &[("model", "path", "\"n.onnx\"".to_string())]).unwrap();
        assert_eq!(crate::text::apply(text, [&edit]), text.replace("m.onnx", "n.onnx"));
    }

    #[test]
    fn a_text_that_is_not_toml_is_not_edited() {
        assert_eq!(set_precision(&Project::parse("espq.toml", "[model\n"), &[("/a", Scheme::Int16)]), None);
    }
}
