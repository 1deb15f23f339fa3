//! Scales that a model's file gives to its values.

/// Power-of-two scales of a value, symmetric around 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainedScale {
    /// Width of the integers.
    pub bits: u32,
    /// log2 of the scales: one, or one for each channel.
    pub exponents: Vec<i32>,
    /// Axis of the channels; `None` for one scale.
    pub axis: Option<usize>,
}

impl TrainedScale {
    /// Returns the one exponent; `None` if channels differ.
    pub fn exponent(&self) -> Option<i32> {
        let (&first, others) = self.exponents.split_first()?;
        others.iter().all(|&other| other == first).then_some(first)
    }

    /// Returns the scales with the channels on another axis.
    pub fn on_axis(&self, axis: usize) -> TrainedScale {
        TrainedScale { axis: self.axis.map(|_| axis), ..self.clone() }
    }
}
