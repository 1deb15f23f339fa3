//! Images as samples: decoded, resized, cropped, scaled and laid out as the model's input.
//!
//! Colours, sizes and rounding are Pillow's, so that tensors equal those of a torchvision script; except that JPEG
//! decoders differ by one or two of 255 levels.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::graph::{DataType, Tensor};
use crate::{Error, Kind, Result, file};

use super::decode::{Opened, Undecodable};
use super::fit::fit;
use super::picture::Picture;
use super::{InputSpec, no_sample, sides};

/// Memory for decoded samples, in bytes. If all samples need more, they are decoded each time.
const KEPT: usize = 256 << 20;

/// Options of the conversion of images to tensors; `None` selects the default.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImageOptions {
    /// Height and width, which must equal the input's.
    pub size: Option<[u32; 2]>,
    /// Resizing mode; stretched by default.
    pub resize: Option<Resize>,
    /// Order of channels; by default RGB, or gray if the input has one channel.
    pub channels: Option<Channels>,
    /// Order of axes; by default taken from the input's shape.
    pub layout: Option<Layout>,
    /// Factor of a pixel's value, instead of 1/255.
    pub scale: Option<f32>,
    /// Mean, one per channel or one for all.
    pub mean: Option<Vec<f32>>,
    /// Divisor after the subtraction of the mean: one per channel or one for all.
    pub std: Option<Vec<f32>>,
}

impl ImageOptions {
    /// Returns `true` if a normalization was chosen, whichever it is.
    pub fn is_normalized(&self) -> bool {
        self.scale.is_some() || self.mean.is_some() || self.std.is_some()
    }
}

/// Mode of resizing an image to the input's height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resize {
    /// Stretches both sides to the size, ignoring proportions.
    Stretch,
    /// Resizes to the smallest size that covers the input, then crops the centre.
    Crop,
    /// Resizes the shorter side to this length, then crops the centre.
    ShorterSide(u32),
    /// Resizes to the largest size within the input, with gray around it.
    Letterbox,
}

/// Fit of a photo whose proportions are not the input's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The whole photo, with gray 114 around it.
    Letterbox,
}

/// Order of a tensor's channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red, the order of OpenCV.
    Bgr,
    /// One channel of brightness.
    Gray,
}

/// Order of a tensor's axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Batch, channels, height, width.
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
}

/// Image files, decoded on demand.
pub struct Images {
    files: Vec<PathBuf>,
    form: Form,
    /// Decoded tensor of each file; empty if they would need too much memory.
    decoded: Vec<OnceLock<Tensor>>,
}

/// Conversion of an image to the input.
struct Form {
    shape: Vec<usize>,
    layout: Layout,
    channels: Channels,
    height: u32,
    width: u32,
    resize: Resize,
    /// `None` divides by 255, exactly like torchvision's ToTensor.
    scale: Option<f32>,
    /// Mean of each of the input's channels.
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Images {
    /// Checks the options against the input; no file is opened.
    pub fn new(files: Vec<PathBuf>, input: &InputSpec, image: &ImageOptions) -> Result<Images> {
        let form = Form::new(input, image)?;
        let size = input.elements().saturating_mul(files.len()).saturating_mul(4);
        let decoded = if size <= KEPT { files.iter().map(|_| OnceLock::new()).collect() } else { Vec::new() };
        Ok(Images { files, form, decoded })
    }

    /// Counts the files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Decodes and converts one image. Errors name the file.
    pub fn sample(&self, index: usize) -> Result<Tensor> {
        let kept = self.decoded.get(index);
        if let Some(tensor) = kept.and_then(OnceLock::get) {
            return Ok(tensor.clone());
        }
        let file = self.files.get(index).ok_or_else(|| no_sample(index))?;
        let tensor = self.form.tensor(decode(file)?)?;
        Ok(match kept {
            Some(kept) => kept.get_or_init(|| tensor).clone(),
            None => tensor,
        })
    }
}

/// The input with the height and width of `size`, else of the pictures, where the model leaves them free.
pub fn settled(input: &InputSpec, files: &[PathBuf], image: &ImageOptions) -> Result<InputSpec> {
    if input.free.is_empty() {
        return Ok(input.clone());
    }
    let rank = input.shape.len();
    let is_last = matches!(input.shape.last(), Some(1 | 3))
        && !rank.checked_sub(3).is_some_and(|c| matches!(input.shape[c], 1 | 3));
    let is_nhwc = image.layout.map_or(is_last, |layout| layout == Layout::Nhwc);
    let Some(channel) = rank.checked_sub(if is_nhwc { 1 } else { 3 }).filter(|_| rank > 2) else {
        return Err(not_a_picture(input));
    };
    let sides = if is_nhwc { [rank - 3, rank - 2] } else { [rank - 2, rank - 1] };
    let size = match image.size {
        Some(size) => size,
        None => one_size(input, files)?,
    };
    let mut shape = input.shape.clone();
    for (axis, _) in &input.free {
        shape[*axis] = match sides.iter().position(|side| side == axis) {
            Some(side) => size[side] as usize,
            None if *axis == channel => {
                if image.channels == Some(Channels::Gray) {
                    1
                } else {
                    3
                }
            }
            None => return Err(not_a_picture(input)),
        };
    }
    Ok(InputSpec { shape, free: Vec::new(), ..input.clone() })
}

fn not_a_picture(input: &InputSpec) -> Error {
    Error::new(format!("input `{}` is {}, which is not an image", input.name, input.describe()))
        .with_help("give its shape, as input-shape = [1, 3, 224, 224] in [model], or its samples as .npy files")
        .of_kind(Kind::Shape)
}

/// Height and width that all pictures have.
fn one_size(input: &InputSpec, files: &[PathBuf]) -> Result<[u32; 2]> {
    let mut first: Option<(&PathBuf, [u32; 2])> = None;
    for file in files {
        let (width, height) = open(file)?.dimensions();
        match first {
            None => first = Some((file, [height, width])),
            Some((_, size)) if size == [height, width] => {}
            Some((other, [h, w])) => {
                let what = format!(
                    "input `{}` is free, and the images have two sizes: {} is {w}x{h}, {} is {width}x{height}",
                    input.name,
                    other.display(),
                    file.display()
                );
                return Err(Error::new(what)
                    .with_help("the chip runs one size: add size = [HEIGHT, WIDTH] to [calibration.image]")
                    .of_kind(Kind::Shape));
            }
        }
    }
    first.map(|(_, size)| size).ok_or_else(|| Error::new("there are no files"))
}

fn decode(file: &Path) -> Result<Picture> {
    open(file)?.picture().map_err(|e| undecodable(&e, file))
}

fn open(file: &Path) -> Result<Opened<BufReader<File>>> {
    Opened::read(BufReader::new(file::open(file)?)).map_err(|e| undecodable(&e, file))
}

fn undecodable(error: &Undecodable, file: &Path) -> Error {
    let error = Error::new(format!("cannot be decoded: {error}")).with_help("open and save it again, or remove it");
    super::opening::unread(error, file)
}

impl Form {
    fn new(input: &InputSpec, image: &ImageOptions) -> Result<Form> {
        if input.data_type != DataType::F32 {
            return Err(Error::new(format!(
                "images become float32, and input `{}` takes {}",
                input.name,
                input.data_type.name()
            ))
            .with_help("give its samples as .npy files"));
        }
        let (layout, [channels, height, width]) = planes(input, image.layout)?;
        check_size(input, image, [height, width])?;
        let chosen = image.channels;
        let channels = match (chosen, channels) {
            (None, 1) => Channels::Gray,
            (None, _) => Channels::Rgb,
            (Some(Channels::Gray), 3) | (Some(Channels::Rgb | Channels::Bgr), 1) => {
                return Err(Error::new(format!(
                    "input `{}` is {}: it has {channels} channels",
                    input.name,
                    sides(&input.shape)
                ))
                .at_key("image.channels")
                .with_help(if channels == 1 {
                    "channels = \"gray\""
                } else {
                    "channels = \"rgb\" or \"bgr\""
                }));
            }
            (Some(chosen), _) => chosen,
        };
        let count = if channels == Channels::Gray { 1 } else { 3 };
        Ok(Form {
            shape: input.shape.clone(),
            layout,
            channels,
            height,
            width,
            resize: image.resize.unwrap_or(Resize::Stretch),
            scale: image.scale,
            mean: spread(image.mean.as_ref(), 0.0, count, "image.mean")?,
            std: spread(image.std.as_ref(), 1.0, count, "image.std")?,
        })
    }

    fn tensor(&self, image: Picture) -> Result<Tensor> {
        let image = fit(self.colors(image), self.resize, self.width, self.height);
        let channels = self.mean.len();
        let value = |channel: usize, byte: u8| {
            let pixel = f32::from(byte);
            let scaled = self.scale.map_or(pixel / 255.0, |s| pixel * s);
            // In bounds: `channel` is below `channels`, the length of both.
            (scaled - self.mean[channel]) / self.std[channel]
        };
        let area = self.height as usize * self.width as usize;
        let mut elements = vec![0.0; area * channels];
        for (at, [r, g, b]) in image.pixels().enumerate() {
            let bytes = if self.channels == Channels::Bgr { [b, g, r] } else { [r, g, b] };
            for (channel, &byte) in bytes.iter().take(channels).enumerate() {
                let index = match self.layout {
                    Layout::Nchw => channel * area + at,
                    Layout::Nhwc => at * channels + channel,
                };
                elements[index] = value(channel, byte);
            }
        }
        Tensor::new(&self.shape, elements)
    }

    /// Returns the colours; in gray mode, all three channels hold the gray value.
    fn colors(&self, mut image: Picture) -> Picture {
        if self.channels == Channels::Gray {
            for pixel in image.pixels_mut() {
                let [r, g, b] = *pixel;
                *pixel = [luma(r, g, b); 3];
            }
        }
        image
    }
}

/// Pillow's integer form of 0.299 R + 0.587 G + 0.114 B.
fn luma(r: u8, g: u8, b: u8) -> u8 {
    // The weights add up to 65536, so the sum ends below 256.
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
}

/// Returns the layout of an input and its channels, height and width.
fn planes(input: &InputSpec, layout: Option<Layout>) -> Result<(Layout, [u32; 3])> {
    let none = || {
        Error::new(format!("input `{}` is {}, which is not the shape of an image", input.name, sides(&input.shape)))
            .with_help(
                "images need an input of 1x3xHxW or 1xHxWx3 (or 1 channel for gray); save other samples as .npy files",
            )
            .of_kind(Kind::Shape)
    };
    let sides = match input.shape.as_slice() {
        [1, rest @ ..] if rest.len() == 3 => rest,
        rest if rest.len() == 3 => rest,
        _ => return Err(none()),
    };
    let sides: Vec<u32> = sides.iter().map(|&n| u32::try_from(n).unwrap_or(0)).collect();
    let &[a, b, c] = sides.as_slice() else { return Err(none()) };
    let is_count = |n: u32| n == 1 || n == 3;
    let (layout, found) = match layout {
        Some(Layout::Nchw) => (Layout::Nchw, [a, b, c]),
        Some(Layout::Nhwc) => (Layout::Nhwc, [c, a, b]),
        None if is_count(a) => (Layout::Nchw, [a, b, c]),
        None => (Layout::Nhwc, [c, a, b]),
    };
    match is_count(found[0]) && found.iter().all(|&n| n > 0 && n <= 16384) {
        true => Ok((layout, found)),
        false => Err(none()),
    }
}

fn check_size(input: &InputSpec, image: &ImageOptions, size: [u32; 2]) -> Result<()> {
    match image.size {
        Some(wanted) if wanted != size => Err(Error::new(format!(
            "size is {} by {}, but input `{}` is {} by {}",
            wanted[0], wanted[1], input.name, size[0], size[1]
        ))
        .at_key("image.size")
        .with_help(format!("size = [{}, {}]", size[0], size[1]))),
        _ => Ok(()),
    }
}

/// Expands numbers to one per channel.
fn spread(numbers: Option<&Vec<f32>>, default: f32, channels: usize, key: &str) -> Result<Vec<f32>> {
    match numbers.map(Vec::as_slice) {
        None => Ok(vec![default; channels]),
        Some(&[one]) => Ok(vec![one; channels]),
        Some(all) if all.len() == channels => Ok(all.to_vec()),
        Some(all) => Err(Error::new(format!("found {} numbers for {channels} channels", all.len()))
            .at_key(key)
            .with_help("give one number per channel, or one for all")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(shape: &[usize]) -> InputSpec {
        InputSpec { name: "x".into(), data_type: DataType::F32, shape: shape.to_vec(), free: Vec::new() }
    }

    fn tensor(shape: &[usize], image: ImageOptions, picture: Picture) -> Vec<f32> {
        let form = Form::new(&input(shape), &image).unwrap();
        let tensor = form.tensor(picture).unwrap();
        assert_eq!(tensor.shape(), shape);
        tensor.into_vec().unwrap()
    }

    /// One row of two pixels: red 255, and (0, 51, 102).
    fn row() -> Picture {
        Picture::new(2, 1, vec![255, 0, 0, 0, 51, 102])
    }

    #[test]
    fn a_letterboxed_picture_has_gray_around_it() {
        let image = ImageOptions { resize: Some(Resize::Letterbox), scale: Some(1.0), ..ImageOptions::default() };
        let white = Picture::filled(8, 4, [255; 3]);
        // Half of the size, and a row above and below.
        let rows = tensor(&[1, 3, 4, 4], image.clone(), white.clone());
        assert_eq!(rows[..16], [[114.0; 4], [255.0; 4], [255.0; 4], [114.0; 4]].concat());
        // An odd rest is below.
        let rows = tensor(&[1, 3, 5, 8], image.clone(), white);
        assert_eq!(rows[..40], [[255.0; 8], [255.0; 8], [255.0; 8], [255.0; 8], [114.0; 8]].concat());
        let thin = Picture::filled(1000, 1, [255; 3]);
        assert_eq!(tensor(&[1, 3, 2, 2], image, thin)[..4], [255.0, 255.0, 114.0, 114.0]);
    }

    #[test]
    fn channels_first_and_last() {
        assert_eq!(tensor(&[1, 3, 1, 2], ImageOptions::default(), row()), [1.0, 0.0, 0.0, 0.2, 0.0, 0.4]);
        assert_eq!(
            tensor(&[1, 1, 2, 3], ImageOptions { layout: Some(Layout::Nhwc), ..ImageOptions::default() }, row()),
            [1.0, 0.0, 0.0, 0.0, 0.2, 0.4]
        );
        assert_eq!(
            tensor(&[3, 1, 2], ImageOptions { channels: Some(Channels::Bgr), ..ImageOptions::default() }, row()),
            [0.0, 0.4, 0.0, 0.2, 1.0, 0.0]
        );
    }

    #[test]
    fn scaled_then_shifted_then_divided() {
        let image = ImageOptions {
            scale: Some(1.0),
            mean: Some(vec![127.5]),
            std: Some(vec![127.5]),
            ..ImageOptions::default()
        };
        assert_eq!(tensor(&[1, 3, 1, 2], image, row())[..2], [1.0, -1.0]);
    }

    #[test]
    fn gray_is_weighted() {
        let image = ImageOptions { scale: Some(1.0), ..ImageOptions::default() };
        assert_eq!(tensor(&[1, 1, 1, 2], image, row()), [76.0, 42.0]);
    }

    #[test]
    fn stretched_or_cut() {
        let row = [[0; 6], [255; 6], [255; 6], [0; 6]].concat();
        let bars = Picture::new(8, 2, row.repeat(2));
        let gray = |resize| ImageOptions { resize: Some(resize), ..ImageOptions::default() };
        assert_eq!(tensor(&[1, 1, 2, 2], gray(Resize::Crop), bars.clone()), [1.0; 4]);
        assert_eq!(tensor(&[1, 1, 2, 4], gray(Resize::ShorterSide(2)), bars.clone()), [1.0; 8]);
        let stretched = tensor(&[1, 1, 1, 2], gray(Resize::Stretch), bars);
        assert!(stretched.iter().all(|&v| v > 0.3 && v < 0.7), "{stretched:?}");
    }

    #[test]
    fn a_crop_larger_than_the_picture_has_a_border() {
        let white = Picture::filled(2, 2, [255; 3]);
        let image = ImageOptions { resize: Some(Resize::ShorterSide(2)), ..ImageOptions::default() };
        assert_eq!(tensor(&[1, 1, 2, 4], image, white), [0., 1., 1., 0., 0., 1., 1., 0.]);
    }

    #[test]
    fn options_that_do_not_fit_the_input_are_errors() {
        let error = |shape: &[usize], image| Form::new(&input(shape), &image).err().unwrap().to_string();
        let errors = [
            error(&[1, 40], ImageOptions::default()),
            error(&[1, 3, 96, 96], ImageOptions { size: Some([224, 224]), ..ImageOptions::default() }),
            error(&[1, 1, 28, 28], ImageOptions { mean: Some(vec![0.4, 0.5, 0.6]), ..ImageOptions::default() }),
            error(&[1, 1, 28, 28], ImageOptions { channels: Some(Channels::Bgr), ..ImageOptions::default() }),
        ];
        insta::assert_snapshot!(errors.join("\n\n"));
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]
        #[test]
        fn any_picture_fills_the_input(width in 1u32..40, height in 1u32..40, way in 0u32..20) {
            let resize = match way { 0 => Resize::Stretch, 1 => Resize::Crop, n => Resize::ShorterSide(n) };
            let image = ImageOptions { resize: Some(resize), ..ImageOptions::default() };
            proptest::prop_assert_eq!(tensor(&[1, 3, 9, 7], image, Picture::black(width, height)).len(), 189);
        }
    }
}
