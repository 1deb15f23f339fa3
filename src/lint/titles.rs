//! Titles of fixes: two findings whose fixes are one edit offer it under one title.

use super::{Finding, Fix, FixKind, Measure};

/// Gives fixes with the same edits one title, that of a single layer before that of a set.
pub fn share(findings: &mut [Finding]) {
    let mut titles: Vec<Fix> = Vec::new();
    for fix in findings.iter().flat_map(|finding| &finding.fixes) {
        match titles.iter_mut().find(|known| known.edits == fix.edits) {
            None => titles.push(fix.clone()),
            Some(known) if is_of_layer(fix) && !is_of_layer(known) => *known = fix.clone(),
            Some(_) => {}
        }
    }
    for fix in findings.iter_mut().flat_map(|finding| &mut finding.fixes) {
        if let Some(known) = titles.iter().find(|known| known.edits == fix.edits) {
            fix.title.clone_from(&known.title);
        }
    }
}

fn is_of_layer(fix: &Fix) -> bool {
    matches!(fix.kind, FixKind::Precision(Measure::Layer { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::Scheme;
    use crate::lint::{RULES, Safety};
    use crate::text::Edit;

    #[test]
    fn one_edit_has_one_title_that_of_the_layer() {
        let fix = |title: &str, measure, text: &str| Fix {
            title: title.to_string(),
            kind: FixKind::Precision(measure),
            safety: Safety::Unsafe,
            edits: vec![Edit { span: 0..0, text: text.to_string() }],
        };
        let layer = Measure::Layer { name: "a".to_string(), scheme: Scheme::Int16 };
        let mut findings = [
            Finding::new(RULES[0], 0..0, "").with_fix(fix("Set 2 layers", Measure::SmallestSet, "a, a_relu")),
            Finding::new(RULES[0], 0..0, "").with_fix(fix("Set `a`", layer, "a, a_relu")),
            Finding::new(RULES[0], 0..0, "").with_fix(fix("Set 3 layers", Measure::SmallestSet, "a, b, c")),
        ];
        share(&mut findings);
        let titles: Vec<&str> = findings.iter().map(|finding| finding.fixes[0].title.as_str()).collect();
        assert_eq!(titles, ["Set `a`", "Set `a`", "Set 3 layers"]);
    }
}
