//! Words for the boxes of a detector before and after a change.

use crate::detect::FoundBoxes;

/// "boxes found 0 of 12 -> 11 of 12"; `None` if the float network finds none.
pub fn found_boxes(before: &FoundBoxes, after: &FoundBoxes) -> Option<String> {
    let (boxes, other) = (before.boxes, after.boxes);
    (boxes > 0).then(|| format!("boxes found {} of {boxes} -> {} of {other}", before.found, after.found))
}

/// "boxes found 0 of 12 -> 11 of 12, new 3 -> 0, key points 9.1 -> 0.8 pixels apart"; `None` if the float network finds none.
pub fn changed_boxes(before: &FoundBoxes, after: &FoundBoxes) -> Option<String> {
    let figure =
        |value: Option<f64>, places: usize| value.map_or("none".to_string(), |value| format!("{value:.places$}"));
    let mut text = format!("{}, new {} -> {}", found_boxes(before, after)?, before.new, after.new);
    let (first, last) = (before.key_point_distance, after.key_point_distance);
    if first.or(last).is_some() {
        text += &format!(", key points {} -> {} pixels apart", figure(first, 1), figure(last, 1));
    }
    let (first, last) = (before.mask_overlap, after.mask_overlap);
    if first.or(last).is_some() {
        text += &format!(", IoU of masks {} -> {}", figure(first, 3), figure(last, 3));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_beside_each_other_as_far_as_there_are_any() {
        let before = FoundBoxes { boxes: 12, found: 0, new: 3, ..FoundBoxes::default() };
        let after = FoundBoxes { found: 11, new: 0, key_point_distance: Some(0.84), ..before };
        let words = changed_boxes(&before, &after).unwrap_or_default();
        assert_eq!(words, "boxes found 0 of 12 -> 11 of 12, new 3 -> 0, key points none -> 0.8 pixels apart");
        let masked = FoundBoxes { key_point_distance: None, mask_overlap: Some(0.9), ..after };
        let words = changed_boxes(&masked, &FoundBoxes { mask_overlap: Some(0.95), ..masked }).unwrap_or_default();
        assert_eq!(words, "boxes found 11 of 12 -> 11 of 12, new 0 -> 0, IoU of masks 0.900 -> 0.950");
        assert_eq!(changed_boxes(&FoundBoxes::default(), &FoundBoxes::default()), None);
    }
}
