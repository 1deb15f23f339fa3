//! Findings of the first samples, which are replaced by those of all of them.

use super::{Finding, Needs, find};

/// Adds to the findings of figures that these are of the first samples; nothing if those are all.
pub fn mark_first_samples(findings: &mut [Finding], first: usize, count: usize) {
    if first == count {
        return;
    }
    let is_of_figures = |finding: &&mut Finding| find(&finding.code).is_some_and(|rule| rule.needs == Needs::Figures);
    for finding in findings.iter_mut().filter(is_of_figures) {
        finding.message += &format!(" (first {first} of {count} samples)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_of_the_first_samples_say_so() {
        let finding = |code: &str| Finding::new(find(code).unwrap(), 0..0, "over the limit");
        let messages = |first: usize| {
            let mut findings = [finding("E001"), finding("C001")];
            mark_first_samples(&mut findings, first, 12);
            findings.map(|finding| finding.message)
        };
        assert_eq!(messages(4), ["over the limit (first 4 of 12 samples)", "over the limit"]);
        assert_eq!(messages(12), ["over the limit"; 2]);
    }
}
