//! Files decoded here and by the `image` crate, the oracle: the same pixels, and the same reasons where there are none.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, ImageReader};
use proptest::prelude::*;

use super::{Opened, Picture, Undecodable};

const END: &str = "failed to fill whole buffer";

type Outcome = Result<(Picture, (u32, u32)), String>;

fn ours(file: &[u8]) -> Outcome {
    let decode = || {
        let opened = Opened::read(Cursor::new(file))?;
        let dimensions = opened.dimensions();
        Ok((opened.picture()?, dimensions))
    };
    decode().map_err(|reason: Undecodable| reason.to_string().replace("unexpected end of file", END))
}

fn theirs(file: &[u8]) -> Outcome {
    let reader = ImageReader::new(Cursor::new(file)).with_guessed_format().unwrap();
    // Two names of one end.
    let reason = |error: image::ImageError| error.to_string().replace("unexpected end of file", END);
    let rgb = reader.decode().map_err(reason)?.to_rgb8();
    let (width, height) = rgb.dimensions();
    Ok((Picture::new(width, height, rgb.into_raw()), (width, height)))
}

/// Bytes without a pattern.
fn noise(count: usize) -> Vec<u8> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(1), next).map(|state: u32| (state >> 24) as u8).take(count).collect()
}

fn png(color: png::ColorType, depth: png::BitDepth, transparency: Option<&'static [u8]>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 13, 9);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == png::ColorType::Indexed {
        encoder.set_palette(noise(3 << depth as u8));
    }
    if let Some(bytes) = transparency {
        encoder.set_trns(bytes);
    }
    let row = (13 * color.samples() * depth as usize).div_ceil(8);
    encoder.write_header().unwrap().write_image_data(&noise(9 * row)).unwrap();
    file
}

/// PNG files of every kind of pixel.
fn pngs() -> Vec<Vec<u8>> {
    use png::BitDepth::{Eight, Four, One, Sixteen, Two};
    use png::ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let kinds: [(_, &[_], Option<&[u8]>); 5] = [
        (Grayscale, &[One, Two, Four, Eight, Sixteen], Some(&[0, 1])),
        (Indexed, &[One, Two, Four, Eight], Some(&[0, 128])),
        (Rgb, &[Eight, Sixteen], Some(&[0, 1, 0, 2, 0, 3])),
        (GrayscaleAlpha, &[Eight, Sixteen], None),
        (Rgba, &[Eight, Sixteen], None),
    ];
    let each = kinds.into_iter().flat_map(|(color, depths, transparency)| {
        depths.iter().flat_map(move |&depth| [png(color, depth, None), png(color, depth, transparency)])
    });
    each.collect()
}

fn jpegs() -> Vec<Vec<u8>> {
    let colors = image::RgbImage::from_raw(13, 9, noise(13 * 9 * 3)).unwrap();
    let pictures = [DynamicImage::from(colors.clone()).into_luma8().into(), DynamicImage::from(colors)];
    let encoded = pictures.map(|picture: DynamicImage| {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, ImageFormat::Jpeg).unwrap();
        file.into_inner()
    });
    encoded.to_vec()
}

/// BMP file with a header of 56 bytes, or of 12 for OS/2.
fn bmp(bits: u16, compression: u32, height: i32, masks: [u32; 4], pixels: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    for number in [56, 13, height.cast_unsigned(), u32::from(bits) << 16 | 1, compression, 0, 0, 0, 0, 0] {
        header.extend(number.to_le_bytes());
    }
    header.extend(masks.map(u32::to_le_bytes).concat());
    header.extend(if bits > 8 { Vec::new() } else { noise(4 << bits) });
    finished(&header, pixels)
}

fn old_bmp(bits: u16) -> Vec<u8> {
    let mut header = vec![12, 0, 0, 0, 13, 0, 9, 0, 1, 0];
    header.extend(bits.to_le_bytes());
    header.extend(if bits > 8 { Vec::new() } else { noise(3 << bits) });
    finished(&header, &noise(9 * 52))
}

fn finished(header: &[u8], pixels: &[u8]) -> Vec<u8> {
    let start = (14 + header.len() as u32).to_le_bytes();
    [b"BM\0\0\0\0\0\0\0\0", start.as_slice(), header, pixels].concat()
}

/// BMP files of every kind of pixel.
fn bmps() -> Vec<Vec<u8>> {
    let pixels = noise(9 * 52);
    let plain = [1, 2, 4, 8, 16, 24, 32].into_iter();
    let plain = plain.flat_map(|bits| [bmp(bits, 0, 9, [0; 4], &pixels), bmp(bits, 0, -9, [0; 4], &pixels)]);
    let masks = [
        (16, [0xf800, 0x7e0, 0x1f, 0]),
        (16, [0x7f00, 0xfe, 1, 0]),
        (16, [0xf00, 0xf0, 3, 0xf000]),
        (16, [0xff80, 5, 1, 0]),
        (16, [0xff80, 0, 1, 0]),
        (32, [0xff_0000, 0xff00, 0xff, 0xff00_0000]),
        (32, [0xff00_0000, 0xff_0000, 0xff00, 0]),
        (32, [0x3ff0_0000, 0xf_fc00, 0x3ff, 0]),
    ];
    let masked = masks.into_iter().map(|(bits, masks)| bmp(bits, 3, 9, masks, &pixels));
    // A run, a row's end, indices, a jump, a run, the end.
    let runs = [5, 7, 0, 0, 0, 3, 1, 2, 3, 0, 0, 2, 2, 1, 3, 9, 0, 1];
    let long = [14, 7, 0, 0, 0, 1];
    let outside = [0, 2, 14, 0, 0, 1];
    let coded = [(8, 1), (4, 2), (8, 2), (24, 4)].into_iter();
    let coded =
        coded.flat_map(|(bits, kind)| [&runs[..], &long, &outside].map(|data| bmp(bits, kind, 9, [0; 4], data)));
    plain.chain(masked).chain(coded).chain([1, 4, 8, 16, 24].map(old_bmp)).collect()
}

fn every_kind() -> Vec<Vec<u8>> {
    [pngs(), jpegs(), bmps()].concat()
}

#[test]
fn every_kind_of_file_is_decoded_as_by_image() {
    for (at, file) in every_kind().iter().enumerate() {
        assert_eq!(ours(file), theirs(file), "file {at}");
    }
}

/// PNG file of one row of 16 bits.
fn wide_row(color: png::ColorType, row: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 65536, 1);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Sixteen);
    encoder.write_header().unwrap().write_image_data(row).unwrap();
    file
}

#[test]
fn every_level_of_16_bits_is_rounded_as_by_image() {
    let levels: Vec<[u8; 2]> = (0..=u16::MAX).map(u16::to_be_bytes).collect();
    let gray = wide_row(png::ColorType::Grayscale, &levels.concat());
    let colors: Vec<[u8; 2]> = levels.iter().flat_map(|&level| [level; 3]).collect();
    let colors = wide_row(png::ColorType::Rgb, &colors.concat());
    assert_eq!(ours(&gray), theirs(&gray));
    assert_eq!(ours(&colors), theirs(&colors));
}

#[test]
fn other_formats_are_named() {
    let reason = |start: &[u8]| ours(start).unwrap_err();
    assert_eq!(reason(b"RIFF\x24\0\0\0WEBPVP8 "), "The image format WebP is not supported");
    for start in [&b"\0\0\0\x20ftypavif"[..], b"II*\0", b"\0\0\x01\0", b"P7", b"hello", b"", b"BM"] {
        assert_eq!(ours(start), theirs(start));
    }
}

#[test]
fn a_small_file_that_claims_to_be_large_is_refused() {
    let mut file = bmp(24, 0, 9, [0; 4], &[]);
    // 65535 x 65535.
    file[18..26].copy_from_slice(&[0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]);
    assert_eq!(ours(&file), Err("Memory limit exceeded".to_string()));
}

proptest! {
    #[test]
    fn damaged_files_are_decoded_as_by_image(
        kind in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        rest in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let files = every_kind();
        let mut file = kind.get(&files).clone();
        let at = at.index(file.len());
        file[at] = byte;
        if is_cut {
            file.truncate(rest.index(file.len()) + 1);
        }
        prop_assert_eq!(ours(&file), theirs(&file));
    }
}
