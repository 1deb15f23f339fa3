//! Sizes of images: stretched, cropped, or letterboxed to the size of an input.

use super::images::Resize;
use super::picture::Picture;
use super::resize::resize;

/// Gray around a letterboxed photo, in ultralytics and in ESP-DL's `ImagePreprocessor`.
const GRAY: u8 = 114;

/// Brings an image to a width and a height, in pixels.
pub fn fit(image: Picture, by: Resize, width: u32, height: u32) -> Picture {
    let (full_width, full_height) = image.dimensions();
    let (new_width, new_height) = match by {
        Resize::Stretch => (width, height),
        Resize::Crop => {
            let factor = f64::max(f64::from(width) / f64::from(full_width), f64::from(height) / f64::from(full_height));
            (scaled(full_width, factor).max(width), scaled(full_height, factor).max(height))
        }
        Resize::Letterbox => return letterboxed(&image, width, height),
        // torchvision's Resize: the longer side is truncated to whole pixels, not rounded.
        Resize::ShorterSide(side) if full_width <= full_height => (side, proportion(side, full_height, full_width)),
        Resize::ShorterSide(side) => (proportion(side, full_width, full_height), side),
    };
    let resized = match (new_width, new_height) == (full_width, full_height) {
        true => image,
        false => resize(&image, new_width, new_height),
    };
    if (new_width, new_height) == (width, height) {
        return resized;
    }
    if new_width < width || new_height < height {
        // A crop larger than the picture has a black border.
        let (framed_width, framed_height) = (width.max(new_width), height.max(new_height));
        let mut framed = Picture::black(framed_width, framed_height);
        framed.overlay(&resized, (framed_width - new_width) / 2, (framed_height - new_height) / 2);
        return centre(&framed, width, height);
    }
    centre(&resized, width, height)
}

/// Fits the whole image, with gray around it. Sides and borders are rounded as ultralytics does.
fn letterboxed(image: &Picture, width: u32, height: u32) -> Picture {
    let (full_width, full_height) = image.dimensions();
    let factor = f64::min(f64::from(width) / f64::from(full_width), f64::from(height) / f64::from(full_height));
    let side = |full: u32, most: u32| ((f64::from(full) * factor).round_ties_even() as u32).clamp(1, most);
    let (new_width, new_height) = (side(full_width, width), side(full_height, height));
    let border = |full: u32, new: u32| (f64::from(full - new) / 2.0 - 0.1).round_ties_even().max(0.0) as u32;
    let mut framed = Picture::filled(width, height, [GRAY; 3]);
    let (x, y) = (border(width, new_width), border(height, new_height));
    match (new_width, new_height) == (full_width, full_height) {
        true => framed.overlay(image, x, y),
        false => framed.overlay(&resize(image, new_width, new_height), x, y),
    }
    framed
}

fn centre(image: &Picture, width: u32, height: u32) -> Picture {
    // torchvision's CenterCrop rounds the half pixel to even.
    let offset = |full: u32, cut: u32| (f64::from(full.saturating_sub(cut)) / 2.0).round_ties_even() as u32;
    let (full_width, full_height) = image.dimensions();
    image.part(offset(full_width, width), offset(full_height, height), width, height)
}

fn scaled(side: u32, factor: f64) -> u32 {
    (f64::from(side) * factor).round().max(1.0) as u32
}

fn proportion(side: u32, longer: u32, shorter: u32) -> u32 {
    let whole = u64::from(side) * u64::from(longer) / u64::from(shorter.max(1));
    // Very long sides are limited; the image is cropped anyway.
    whole.clamp(1, 1 << 16) as u32
}
