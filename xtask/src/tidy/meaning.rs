//! Decisions of the code: they depend on fields, not on a rule's code, a title or the words of a message.

use super::Source;

const FORMS: [&str; 5] =
    [".code == \"", ".code != \"", "title.starts_with(", "message.starts_with(", "message.contains("];

/// Returns a line for each place that compares words.
pub fn check(sources: &[Source]) -> Vec<String> {
    let of = |source: &Source| {
        let lines = source.code().lines().enumerate();
        let found = lines.filter(|(_, line)| FORMS.iter().any(|form| line.contains(form)));
        let fault =
            |(at, _)| source.fault(at, "decides by a rule's code or the words of a message: give the type a field");
        found.map(fault).collect::<Vec<String>>()
    };
    sources.iter().filter(|source| !source.is_test()).flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_with_a_code_is_a_fault() {
        let source = |text: &str| Source { path: "src/lsp/actions.rs".into(), text: text.into() };
        assert_eq!(check(&[source("if finding.code == \"E002\" {}")]).len(), 1);
        assert_eq!(check(&[source("if finding.pending.is_some() {}")]), [""; 0]);
    }
}
