//! `new rule CODE name`: a lint rule, with a project that has a finding and one that has none.

use std::collections::BTreeMap;
use std::path::Path;

use super::Change;
use super::edit::{insert, within};
use crate::cases::{kebab, snake};
use crate::{read, sources};

const TABLE: &str = "src/lint/rules/mod.rs";

/// Prepares the files of a rule; fails if the code or the name is taken.
pub fn rule(code: &str, name: &str) -> Result<Change, String> {
    let (letter, number) = code.split_at_checked(1).unwrap_or_default();
    if !letter.chars().all(|c| c.is_ascii_uppercase()) || number.len() != 3 || number.parse::<u32>().is_err() {
        return Err(format!("`{code}` is not a code: write a letter and three digits, D005"));
    }
    let codes = codes()?;
    if let Some((module, _)) = codes.iter().find(|(_, taken)| *taken == code) {
        return Err(format!("{code} is src/lint/rules/{module}.rs"));
    }
    let module = snake(name);
    let table = insert(&read(Path::new(TABLE))?, &format!("mod {module};"), |line| {
        within(line, "mod ", ";").map(str::to_string)
    })?;
    let code_of = |line: &str| {
        let listed = within(line, "    &", "::RULE,")?;
        if listed == module { Some(code.to_string()) } else { codes.get(listed).cloned() }
    };
    let table = insert(&table, &format!("    &{module}::RULE,"), code_of)?;

    let mut change = Change::default();
    change.replace(TABLE, table);
    change.create(format!("src/lint/rules/{module}.rs"), source(code, &kebab(name)));
    for case in ["fires", "quiet"] {
        change.create(format!("fixtures/lint/{code}/{case}/espq.toml"), PROJECT);
    }
    change.next = vec![
        format!("src/lint/rules/{module}.rs: write the doc, which `espq explain {code}` prints, and `check`"),
        format!("fixtures/lint/{code}/fires/espq.toml: make it a project that the rule reports"),
        "cargo test --test lint: fails until the rule reports `fires` and passes `quiet`".to_string(),
        "INSTA_UPDATE=always cargo test --test lint: accepts the output; read it first".to_string(),
        "cargo xtask gen: adds the rule to docs/rules.md".to_string(),
    ];
    Ok(change)
}

/// Reads the codes of the rules, by module.
fn codes() -> Result<BTreeMap<String, String>, String> {
    let mut codes = BTreeMap::new();
    for file in sources(Path::new("src/lint/rules"))? {
        let text = read(&file)?;
        // The last line of `rule!` is `    C003, "invalid-value", Error`.
        let code = text.lines().find_map(|line| {
            let (code, rest) = line.strip_prefix("    ")?.split_once(", \"")?;
            (code.len() == 4 && rest.contains("\", ")).then(|| code.to_string())
        });
        let module = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        codes.extend(module.zip(code));
    }
    Ok(codes)
}

fn source(code: &str, name: &str) -> String {
    format!(
        r#"//! {code}

use crate::lint::rule::rule;
use crate::lint::{{Facts, Finding}};

rule! {{
    /// ## What it does
    /// TODO: Reports ...
    ///
    /// ## Why is this bad?
    /// TODO: the effect on the chip, or on the figures.
    ///
    /// ## Example
    /// ```toml
    /// TODO
    /// ```
    ///
    /// ## What to do
    /// TODO
    {code}, "{name}", Warning, Files
}}

fn check(facts: &Facts, findings: &mut Vec<Finding>) {{
    // TODO: a finding for each place: `findings.push(Finding::new(&RULE, span, message))`.
    let _ = (facts, findings);
}}
"#
    )
}

/// Project without findings.
const PROJECT: &str = r#"[model]
path = "../../files/small.onnx"
target = "esp32p4"

[calibration]
data = "../../files/samples.npy"
"#;
