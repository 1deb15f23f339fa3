//! Words for attention masks.

use crate::analysis::Mask;

/// Returns the cause and the remedy, as the help of a finding.
pub fn help(mask: &Mask) -> String {
    let Mask { layer, constant, value } = mask;
    let value = match *value {
        f32::NEG_INFINITY => "-inf".to_string(),
        v if v <= f32::MIN / 2.0 => "the lowest float".to_string(),
        v => v.to_string(),
    };
    format!(
        "`{constant}` of {layer} is an attention mask of {value}, and a scale that holds it leaves nothing of the scores: \
         write -32 in its place, for which Softmax gives 0, too"
    )
}
