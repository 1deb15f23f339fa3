//! Findings as the client's diagnostics.

use lsp_types::{
    CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Url,
};

use crate::analysis::Alone;
use crate::lint::{Finding, Measure, Related, Severity};
use crate::order;

use super::abilities::Abilities;
use super::knowledge::{Knowledge, LayerView};
use super::layer_list;
use super::position::Places;

/// Context of a configuration's diagnostics.
pub struct Presentation<'a> {
    pub uri: &'a Url,
    pub places: Places<'a>,
    pub knowledge: &'a Knowledge,
    pub abilities: Abilities,
}

impl Presentation<'_> {
    /// Converts a finding, with the locations of related lines and layers if the client shows them.
    pub fn diagnostic(&self, finding: &Finding) -> Diagnostic {
        let related = self.abilities.related_information;
        let others: Vec<_> = if related { self.others(finding) } else { Vec::new() };
        Diagnostic {
            range: self.places.visible(&finding.span),
            severity: Some(match finding.severity {
                Severity::Error => DiagnosticSeverity::ERROR,
                Severity::Warning => DiagnosticSeverity::WARNING,
                Severity::Info => DiagnosticSeverity::INFORMATION,
            }),
            code: Some(NumberOrString::String(finding.code.to_string())),
            code_description: page(finding, self.abilities).map(|href| CodeDescription { href }),
            source: Some("espq".to_string()),
            message: match &finding.help {
                Some(help) => format!("{}\nhelp: {help}", finding.message),
                None => finding.message.clone(),
            },
            related_information: (!others.is_empty()).then_some(others),
            ..Diagnostic::default()
        }
    }

    /// Places of a finding in the configuration, and lines of its layers in their list.
    fn others(&self, finding: &Finding) -> Vec<DiagnosticRelatedInformation> {
        let named = finding.related.iter().filter_map(|other| self.other(other));
        let own = finding.layer.iter().filter_map(|layer| self.in_list(layer, "its line in the list of layers"));
        // Layers among which the smallest set will be searched.
        let worst = match finding.pending {
            Some(Measure::SmallestSet) => self.worst_layers(),
            _ => Vec::new(),
        };
        named.chain(own).chain(worst).collect()
    }

    fn worst_layers(&self) -> Vec<DiagnosticRelatedInformation> {
        const SHOWN: usize = 3;
        let measured = self.knowledge.layers().iter().filter_map(|layer| Some((layer, layer.alone()?)));
        let mut measured: Vec<_> = measured.filter(|(_, alone)| alone.nsr > 0.0).collect();
        order::sort_by(&mut measured, |a, b| b.1.nsr.total_cmp(&a.1.nsr));
        let shown = measured.iter().take(SHOWN);
        let line = |(layer, alone): &(&LayerView, Alone)| {
            self.in_list(&layer.name, &format!("{} alone puts {alone} on the outputs", layer.name))
        };
        shown.filter_map(line).collect()
    }

    /// The layer's line in the list, if the client shows lists.
    fn in_list(&self, layer: &str, message: &str) -> Option<DiagnosticRelatedInformation> {
        if !self.abilities.lists_layers {
            return None;
        }
        let range = layer_list::place_of(self.knowledge, layer, self.places.encoding)?;
        let location = Location { uri: layer_list::list_of(self.uri)?, range };
        Some(DiagnosticRelatedInformation { location, message: message.to_string() })
    }

    /// A place in the configuration, or the layer's line in the list.
    fn other(&self, other: &Related) -> Option<DiagnosticRelatedInformation> {
        match &other.span {
            Some(span) => {
                let location = Location { uri: self.uri.clone(), range: self.places.visible(span) };
                Some(DiagnosticRelatedInformation { location, message: other.message.clone() })
            }
            None => self.in_list(other.layer.as_ref()?, &other.message),
        }
    }
}

/// Returns the page of a finding's rule: the client's own, else that of the repository, once it has an address.
fn page(finding: &Finding, abilities: Abilities) -> Option<Url> {
    const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
    if !abilities.links_codes {
        return None;
    }
    if abilities.has_rule_pages {
        return Url::parse(&format!("espq-rule:/{}.md", finding.code)).ok();
    }
    if REPOSITORY.contains("/OWNER/") {
        return None;
    }
    let anchor = format!("{}-{}", finding.code, finding.name).to_lowercase();
    Url::parse(&format!("{REPOSITORY}/blob/v{}/docs/rules.md#{anchor}", env!("CARGO_PKG_VERSION"))).ok()
}
