//! Limits of ESP-DL's kernels: forms of an operator that they do not support.

use super::{Family, NodeView, Runtime};

/// Effect on the chip of a form that the kernels do not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The loader stops, or creates no module.
    NotLoaded,
    /// The kernel stops, or reads or writes memory out of bounds.
    Crashes,
    /// The kernel runs and computes something else.
    SilentlyWrong,
}

impl Effect {
    /// Returns the effect in words, as in `operators.md`.
    pub fn name(self) -> &'static str {
        match self {
            Effect::NotLoaded => "not loaded",
            Effect::Crashes => "crashes",
            Effect::SilentlyWrong => "silently wrong",
        }
    }
}

/// Fault of a node against a limit; `Ok(None)` if there is none, or if a fact is not known yet.
pub type Checked = Result<Option<String>, Unreadable>;

/// Form of an operator that ESP-DL's kernels do not support.
pub struct Limit {
    /// Name in kebab-case, unique among all limits.
    pub name: &'static str,
    /// Behaviour of the chip if a node that violates the limit is exported as it is.
    pub effect: Effect,
    /// Kernel families that have the limit.
    pub on: &'static [Family],
    /// First release without the limit.
    pub until: Option<Runtime>,
    /// Describes a node's fault; an attribute of another type is an error.
    pub check: fn(&dyn NodeView) -> Checked,
    /// Replacement for the form.
    pub help: &'static str,
    /// Source file of ESP-DL that shows the limit, and the function if it is not the module's only one.
    pub source: &'static str,
}

impl Limit {
    /// Describes the fault of a node. An attribute that cannot be read is a fault.
    pub fn violation(&self, node: &dyn NodeView) -> Option<String> {
        if !self.is_in_force(node) {
            return None;
        }
        match (self.check)(node) {
            Ok(found) => found,
            Err(Unreadable(name)) => {
                Some(format!("attribute `{name}` of {} has another type than the operator defines", node.op()))
            }
        }
    }

    /// Returns `true` if the limit applies to the node's target; without a target, limits of all kernels apply.
    fn is_in_force(&self, node: &dyn NodeView) -> bool {
        let on = match node.family() {
            Some(family) => self.on.contains(&family),
            None => self.on.len() == Family::ALL.len(),
        };
        on && self.until.is_none_or(|first| node.runtime() < first)
    }
}

/// Name of an attribute whose type is not the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);
