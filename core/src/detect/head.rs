//! Head of a detection network: the values before decoding, by level, and the names that ESP-DL reads them by.

/// Postprocessor of ESP-DL that decodes a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// YOLOv8 and YOLO11: distances as distributions (`yolo11PostProcessor`, pose and segmentation among them).
    Yolo11,
    /// YOLO26: distances as numbers (`models/yolo26`).
    Yolo26,
    /// ESPDet: distances as numbers, activations that are Relu (`ESPDetPostProcessor`).
    EspDet,
}

/// Values of each anchor besides its box and its scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// Key points.
    KeyPoints,
    /// Coefficients of masks.
    Masks,
}

/// Values of one size of the grid, by their names in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Pixels of the input by cell of the grid.
    pub stride: usize,
    /// Height and width of the grid.
    pub grid: [usize; 2],
    /// Distances to the sides of the box.
    pub boxes: Named,
    /// Scores by class, before Sigmoid.
    pub scores: Named,
    /// Key points or coefficients of masks.
    pub extra: Option<Named>,
}

/// Value of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub value: String,
    /// Name of the layer with this output alone; the value's if it has none.
    pub at: String,
}

/// Head of a detection network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Postprocessor that reads it.
    pub family: Family,
    /// Levels by stride, ascending.
    pub levels: Vec<Level>,
    /// Number of numbers by side of a box: 16 or another length of a distribution, or 1.
    pub bins: usize,
    /// Number of classes.
    pub classes: usize,
    /// Values of each anchor besides box and scores, with their number.
    pub extra: Option<(Extra, usize)>,
    /// Prototypes of masks.
    pub prototypes: Option<Named>,
    /// Set if the network itself chooses the best boxes (TopK).
    pub is_end_to_end: bool,
    /// Set if the outputs are the values before decoding.
    pub is_raw: bool,
}

impl Head {
    /// Returns the values to end the network at, each with the name that ESP-DL's postprocessor asks for, in the order of
    /// Espressif's published files.
    pub fn outputs(&self) -> Vec<(String, &Named)> {
        let extra = match self.extra {
            Some((Extra::KeyPoints, _)) => "kpt",
            Some((Extra::Masks, _)) => "mc",
            None => "",
        };
        let name = |level: usize, what: &str| match (self.family, what) {
            (Family::Yolo26, "score") => format!("one2one_p{}_cls", self.pyramid(level)),
            (Family::Yolo26, what) => format!("one2one_p{}_{what}", self.pyramid(level)),
            (Family::Yolo11 | Family::EspDet, what) => format!("{what}{level}"),
        };
        let mut outputs = Vec::new();
        for (at, level) in self.levels.iter().enumerate() {
            outputs.push((name(at, "box"), &level.boxes));
            outputs.push((name(at, "score"), &level.scores));
        }
        for (at, level) in self.levels.iter().enumerate() {
            outputs.extend(level.extra.as_ref().map(|named| (name(at, extra), named)));
        }
        outputs.extend(self.prototypes.as_ref().map(|named| ("p".to_string(), named)));
        outputs
    }

    /// P3 has a stride of 8.
    fn pyramid(&self, level: usize) -> u32 {
        self.levels[level].stride.max(1).ilog2()
    }

    /// "YOLO11 pose"
    pub fn describe(&self) -> String {
        let family = match self.family {
            Family::Yolo11 => "YOLOv8/YOLO11",
            Family::Yolo26 => "YOLO26",
            Family::EspDet => "ESPDet",
        };
        let task = match self.extra {
            None => "detection",
            Some((Extra::KeyPoints, _)) => "pose",
            Some((Extra::Masks, _)) => "segmentation",
        };
        format!("{family} {task} head")
    }

    /// Name of the postprocessor in ESP-DL; `None` where it has none for this head.
    pub fn postprocessor(&self) -> Option<&'static str> {
        let is_published_form = self.bins == 16 || self.family != Family::Yolo11;
        match (self.family, self.extra) {
            _ if !is_published_form || self.levels.len() != 3 => None,
            (Family::Yolo11, None) => Some("yolo11PostProcessor"),
            // Its number of key points is a constant.
            (Family::Yolo11, Some((Extra::KeyPoints, 51))) => Some("yolo11posePostProcessor"),
            (Family::Yolo11, Some((Extra::Masks, 32))) => Some("yolo11segPostProcessor"),
            (Family::Yolo26, None) => Some("YOLO26 of models/yolo26"),
            (Family::EspDet, None) => Some("ESPDetPostProcessor"),
            _ => None,
        }
    }
}
