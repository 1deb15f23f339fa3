//! Bilinear resizing, bit-identical to Pillow's.
//!
//! Training scripts resize with Pillow, mostly through torchvision: width first, then height, with 8-bit pixels in
//! between. The filter is widened when shrinking; weights have 22 fractional bits (`src/libImaging/Resample.c` of
//! Pillow).

use super::picture::Picture;

const FRACTION: u32 = 22;

/// Returns the image at another size, in pixels.
pub fn resize(image: &Picture, width: u32, height: u32) -> Picture {
    // Two passes with the axes swapped in between: both then run along rows.
    let wide = along_rows(image, width);
    along_rows(&wide.transposed(), height).transposed()
}

/// Resamples the image's rows to `width`.
fn along_rows(image: &Picture, width: u32) -> Picture {
    let (full_width, height) = image.dimensions();
    if full_width == width {
        return image.clone();
    }
    let weights: Vec<Weights> = (0..width).map(|x| Weights::new(x, full_width, width)).collect();
    let mut resized = Picture::black(width, height);
    for (from, to) in image.rows().zip(resized.rows_mut()) {
        for (pixel, weights) in to.chunks_exact_mut(3).zip(&weights) {
            weights.apply(from, pixel);
        }
    }
    resized
}

/// Weights of a row's pixels in one pixel of the result.
struct Weights {
    first: usize,
    weights: Vec<i32>,
}

impl Weights {
    fn new(x: u32, from: u32, to: u32) -> Weights {
        let scale = f64::from(from) / f64::from(to);
        let reach = scale.max(1.0);
        let centre = (f64::from(x) + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from as usize);
        let triangle = |at: usize| (1.0 - ((at as f64 - centre + 0.5) / reach).abs()).max(0.0);
        let shares: Vec<f64> = (first..end).map(triangle).collect();
        let sum: f64 = shares.iter().sum();
        let fixed = |share: &f64| (share * (1.0 / sum) * f64::from(1 << FRACTION) + 0.5) as i32;
        Weights { first, weights: shares.iter().map(fixed).collect() }
    }

    fn apply(&self, row: &[u8], pixel: &mut [u8]) {
        let mut sums = [1i32 << (FRACTION - 1); 3];
        for (bytes, weight) in row.chunks_exact(3).skip(self.first).zip(&self.weights) {
            for (sum, &byte) in sums.iter_mut().zip(bytes) {
                // Weights add up to 1 in 22 bits, so a sum stays below 2^31.
                *sum += i32::from(byte) * weight;
            }
        }
        for (value, sum) in pixel.iter_mut().zip(sums) {
            *value = (sum >> FRACTION).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[u8]) -> Picture {
        Picture::new(values.len() as u32, 1, values.iter().flat_map(|&value| [value; 3]).collect())
    }

    fn resized(values: &[u8], width: u32) -> Vec<u8> {
        resize(&row(values), width, 1).pixels().map(|[red, _, _]| red).collect()
    }

    /// `Image.fromarray(np.uint8([[...]])).resize((width, 1), Image.BILINEAR)` of Pillow 13.
    #[test]
    fn rows_as_pillow_resizes_them() {
        let values = [0, 10, 200, 255, 31, 7, 99];
        assert_eq!(resized(&values, 3), PILLOW_3);
        assert_eq!(resized(&values, 5), PILLOW_5);
        assert_eq!(resized(&values, 12), PILLOW_12);
    }

    const PILLOW_3: [u8; 3] = [47, 160, 45];
    const PILLOW_5: [u8; 5] = [3, 116, 204, 20, 68];
    const PILLOW_12: [u8; 12] = [0, 4, 10, 113, 207, 239, 190, 59, 20, 11, 65, 99];

    #[test]
    fn an_image_of_one_colour_stays_that_colour() {
        let plain = Picture::filled(13, 7, [255, 128, 1]);
        assert_eq!(resize(&plain, 5, 20), Picture::filled(5, 20, [255, 128, 1]));
    }
}
